// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <functional>
#include <optional>
#include <vector>

#include "engine/session/example_statistics.h"

namespace clipscope {

/// What a filter lets through: see parse().
class ExampleFilter {
 public:
  /// Conditions that all must hold: "norm > 5", "clipped >= 0.9", "loss < 0.1", "draws > 3",
  /// "factor < 0.1", "class 3" (a number or a name), "12" (an example's number). Empty lets all
  /// through. Nothing where the text is none; `problem` then says why.
  static std::optional<ExampleFilter> parse(const QString& text, QString* problem = nullptr);

  bool passes(const ExampleStatistics& statistics, int label, const QString& className) const;

 private:
  using Test = std::function<bool(const ExampleStatistics&, int, const QString&)>;
  std::vector<Test> m_tests;
};

/// Every example of the data set that was drawn, with what became of it over the run.
class MicroscopeModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column {
    Example,
    Class,
    Draws,
    Clipped,
    MeanNorm,
    LargestNorm,
    Factor,
    Loss,
    Epsilon,
    columnCount_
  };

  using QAbstractTableModel::QAbstractTableModel;

  /// `labels` of the whole data set, −1 for none.
  void setData(std::vector<int> labels, std::vector<std::string> classNames);
  void setStatistics(std::vector<ExampleStatistics> statistics);
  /// ε of single examples, the estimate, by dataset index; empty for unknown.
  void setEpsilons(std::vector<double> epsilons);
  void setFilter(ExampleFilter filter);
  /// Only examples that were never clipped, or all.
  void setNeverClippedOnly(bool only);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  void sort(int column, Qt::SortOrder order) override;

  /// Dataset indices in the order shown.
  const std::vector<Index>& shown() const { return m_rows; }
  const ExampleStatistics& statistics(Index example) const {
    return m_statistics[static_cast<std::size_t>(example)];
  }
  const std::vector<int>& labels() const { return m_labels; }
  QString className(Index example) const;
  double number(Index example, int column) const;
  QString words(Index example, int column) const;

 private:
  void order();

  std::vector<ExampleStatistics> m_statistics;
  std::vector<int> m_labels;
  std::vector<std::string> m_classNames;
  std::vector<double> m_epsilons;
  ExampleFilter m_filter;
  bool m_neverClipped = false;
  std::vector<Index> m_rows;
  int m_sortColumn = LargestNorm;
  Qt::SortOrder m_sortOrder = Qt::DescendingOrder;
};

}  // namespace clipscope
