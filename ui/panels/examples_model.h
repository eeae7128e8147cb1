// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <memory>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// A batch as a table, one row an example. Sorting is done here on plain numbers: a proxy model
/// would ask for thousands of QVariants.
class ExamplesModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column {
    Example,
    Label,
    Prediction,
    Loss,
    Norm,
    Factor,
    ClippedNorm,
    Rank,  ///< of a distributed run only
    Dumbbell,
    columnCount_
  };

  using QAbstractTableModel::QAbstractTableModel;

  void setRecord(std::shared_ptr<const StepRecord> record);
  const std::shared_ptr<const StepRecord>& record() const { return m_record; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  void sort(int column, Qt::SortOrder order) override;

  /// The dataset index in a row, and the row of one (−1 when it is not in the batch).
  Index exampleAt(int row) const;
  int rowOf(Index example) const;

  /// What the dumbbell column draws: norms before and after on one logarithmic scale.
  struct Bar {
    double before = 0, after = 0, threshold = 0;
    double low = 0, high = 0;  ///< log₁₀ of the ends of the scale
    bool clipped = false;      ///< the record has phase Clip
  };
  Bar barAt(int row) const;

 private:
  double number(Index batchRow, int column) const;
  QString text(Index batchRow, int column) const;
  QString words(Index batchRow, int column) const;
  void order();

  std::shared_ptr<const StepRecord> m_record;
  std::vector<Index> m_rows;  ///< batch rows in the order shown
  int m_sortColumn = Norm;
  Qt::SortOrder m_sortOrder = Qt::DescendingOrder;
  double m_low = 0, m_high = 1;
};

}  // namespace clipscope
