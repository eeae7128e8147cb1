// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <memory>

#include "engine/training/step_record.h"

namespace clipscope {

/// What each layer took of a step: a row a layer in the order they run, milliseconds of each pass,
/// and its share of what all layers took.
class TimeTable : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { Layer, Forward, Backward, Norms, Sums, Total, Share, columns };

  using QAbstractTableModel::QAbstractTableModel;
  /// Null for none.
  void show(std::shared_ptr<const StepRecord> record);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

 private:
  double value(const TimesPart::Layer& layer, int column) const;

  std::shared_ptr<const StepRecord> m_record;
  double m_all = 0;  ///< seconds of all layers
};

}  // namespace clipscope
