// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>

#include "ui/panels/compare_set.h"

namespace clipscope {

/// The comparison's table: a row a number, a column a clipping. The best is bold, in the colour of
/// what is good, and ticked.
class CompareTable : public QAbstractTableModel {
  Q_OBJECT

 public:
  /// Refers to the set, which must outlive it.
  explicit CompareTable(const CompareSet& set, QObject* parent = nullptr);

  /// The set has other numbers, or other columns.
  void renew();

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  const CompareSet& m_set;
  int m_columns = 0;
};

}  // namespace clipscope
