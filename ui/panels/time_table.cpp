// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/time_table.h"

#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

void TimeTable::show(std::shared_ptr<const StepRecord> record) {
  const int before = rowCount();
  const auto rowsOf = [](const std::shared_ptr<const StepRecord>& r) {
    return r && r->times ? static_cast<int>(r->times->layers.size()) : 0;
  };
  const bool reset = rowsOf(record) != before;
  if (reset) beginResetModel();
  m_record = std::move(record);
  m_all = 0;
  if (m_record && m_record->times)
    for (const TimesPart::Layer& layer : m_record->times->layers) m_all += layer.total();
  if (reset)
    endResetModel();
  else if (before > 0)
    emit dataChanged(index(0, 0), index(before - 1, columns - 1));
}

int TimeTable::rowCount(const QModelIndex& parent) const {
  if (parent.isValid() || !m_record || !m_record->times) return 0;
  return static_cast<int>(m_record->times->layers.size());
}

int TimeTable::columnCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : columns;
}

double TimeTable::value(const TimesPart::Layer& layer, int column) const {
  switch (column) {
    case Forward:
      return layer.forward;
    case Backward:
      return layer.backward;
    case Norms:
      return layer.norms;
    case Sums:
      return layer.sums;
    case Share:
      return m_all > 0 ? layer.total() / m_all : 0;
    default:
      return layer.total();
  }
}

QVariant TimeTable::data(const QModelIndex& index, int role) const {
  const auto row = static_cast<std::size_t>(index.row());
  const int column = index.column();
  if (role == Qt::TextAlignmentRole)
    return QVariant((column == Layer ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  if (column == Layer)
    return role == Qt::DisplayRole
               ? QVariant(QString::fromStdString(m_record->info->modelLayers[row]))
               : QVariant();
  const double number = value(m_record->times->layers[row], column);
  if (role == Qt::UserRole) return number;
  if (role == Qt::ForegroundRole && number == 0) return Theme::current().dim;
  if (role != Qt::DisplayRole) return {};
  if (column == Share) return percent(number);
  // A pass that has not run, or does nothing here, leaves no number to be read as a time.
  return number == 0 ? QStringLiteral("–") : QString::number(1e3 * number, 'f', 3);
}

QVariant TimeTable::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::TextAlignmentRole)
    return QVariant((section == Layer ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  const QString names[] = {tr("layer"), tr("forward"), tr("backward"), tr("norms"),
                           tr("sums"),  tr("ms"),      tr("share")};
  const QString tips[] = {tr("In the order they run"),
                          tr("Milliseconds of the forward pass"),
                          tr("Milliseconds of the backward pass"),
                          tr("Milliseconds of the per-example norms; where a layer forms its "
                             "gradients for them, of the forming"),
                          tr("Milliseconds of the weighted sum"),
                          tr("Milliseconds of all four passes"),
                          tr("Of what all layers took")};
  if (role == Qt::DisplayRole) return names[section];
  if (role == Qt::ToolTipRole) return tips[section];
  return {};
}

}  // namespace clipscope
