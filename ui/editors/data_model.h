// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QImage>
#include <memory>
#include <vector>

#include "engine/data/dataset.h"

namespace clipscope {

/// The examples of a data set, in its own order, those that pass a filter: a row an example. Cells
/// are made when they are looked at, so that the number of examples does not matter.
class DataModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { Example, Label, PartOf, FirstFeature };
  enum class Part { All, Train, Test, Batch };

  using QAbstractTableModel::QAbstractTableModel;

  /// `test`: the examples held out.
  void setDataset(std::shared_ptr<const Dataset> data, std::vector<Index> test);
  const std::shared_ptr<const Dataset>& dataset() const { return m_data; }
  /// The examples drawn in the step shown.
  void setBatch(std::vector<Index> examples);
  /// Label −1: every class.
  void setFilter(Part part, int label);
  Part part() const { return m_part; }
  int label() const { return m_label; }

  Index exampleAt(int row) const { return m_rows[static_cast<std::size_t>(row)]; }
  /// −1 where the filter leaves it out.
  int rowOf(Index example) const;
  bool isTest(Index example) const { return m_isTest[static_cast<std::size_t>(example)]; }
  bool isInBatch(Index example) const;
  QString labelText(Index example) const;
  /// Examples of each class in the part shown, whatever class is picked.
  const std::vector<Index>& classCounts() const { return m_counts; }
  /// The picture of an example; grey or RGB. Values that are no pixels are stretched to the range
  /// that they have.
  static QImage picture(const Dataset& data, Index example);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  void filter();
  bool passes(Index example) const;

  std::shared_ptr<const Dataset> m_data;
  std::vector<bool> m_isTest;
  std::vector<Index> m_batch;  ///< sorted
  std::vector<Index> m_rows;   ///< sorted
  std::vector<Index> m_counts;
  Part m_part = Part::All;
  int m_label = -1;
  mutable Index m_rawOf =
      -1;  ///< whose values m_raw holds: the cells of a row are asked for in turn
  mutable std::vector<float> m_raw;
};

}  // namespace clipscope
