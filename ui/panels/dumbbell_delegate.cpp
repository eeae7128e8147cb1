// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/dumbbell_delegate.h"

#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/panels/examples_model.h"
#include "ui/theme.h"

namespace clipscope {

void DumbbellDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                             const QModelIndex& index) const {
  QStyledItemDelegate::paint(painter, option, index);
  const auto* model = qobject_cast<const ExamplesModel*>(index.model());
  if (!model) return;
  const ExamplesModel::Bar bar = model->barAt(index.row());
  if (!(bar.before > 0) || !std::isfinite(bar.before)) return;
  const QRectF area = QRectF(option.rect).adjusted(10, 0, -10, 0);
  const auto at = [&](double norm) {
    const double t = (std::log10(norm) - bar.low) / (bar.high - bar.low);
    return area.left() + std::clamp(t, 0.0, 1.0) * area.width();
  };
  const Theme& theme = Theme::current();
  const double y = area.center().y();
  painter->save();
  painter->setRenderHint(QPainter::Antialiasing);
  if (bar.threshold > 0) {
    painter->setPen(QPen(theme.threshold, 1));
    painter->drawLine(QPointF(at(bar.threshold), area.top() + 2),
                      QPointF(at(bar.threshold), area.bottom() - 2));
  }
  const QColor line = theme.before;
  if (bar.clipped && bar.after > 0) {
    painter->setPen(QPen(line, 2));
    painter->drawLine(QPointF(at(bar.before), y), QPointF(at(bar.after), y));
  }
  painter->setPen(Qt::NoPen);
  painter->setBrush(line);
  painter->drawEllipse(QPointF(at(bar.before), y), 3.5, 3.5);
  if (bar.clipped && bar.after > 0) {
    painter->setBrush(theme.after);
    painter->drawEllipse(QPointF(at(bar.after), y), 3.5, 3.5);
  }
  painter->restore();
}

}  // namespace clipscope
