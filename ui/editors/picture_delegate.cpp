// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/picture_delegate.h"

#include <QPainter>

#include "ui/editors/data_model.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int side = 64, margin = 6;
}

QSize PictureDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
  return {side + 2 * margin, side + 2 * margin + option.fontMetrics.height()};
}

void PictureDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const {
  const auto* model = qobject_cast<const DataModel*>(index.model());
  if (!model || !model->dataset() || !model->dataset()->isImage()) return;
  const Theme& theme = Theme::current();
  const Index example = model->exampleAt(index.row());
  painter->save();
  if (option.state & QStyle::State_Selected) {
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(Qt::NoPen);
    painter->setBrush(theme.selection);
    painter->drawRoundedRect(QRectF(option.rect).adjusted(1, 1, -1, -1), 4, 4);
    painter->setRenderHint(QPainter::Antialiasing, false);
  }
  // Whole multiples of a pixel, so that each stays a square.
  const QImage image = DataModel::picture(*model->dataset(), example);
  const int longest = std::max(image.width(), image.height());
  const QSize size = longest <= side ? image.size() * (side / longest)
                                     : image.size().scaled(side, side, Qt::KeepAspectRatio);
  const QRect area(option.rect.left() + margin, option.rect.top() + margin, side, side);
  const QRect target(area.center().x() + 1 - size.width() / 2,
                     area.center().y() + 1 - size.height() / 2, size.width(), size.height());
  painter->setRenderHint(QPainter::SmoothPixmapTransform, longest > side);
  painter->drawImage(target, image);
  painter->setPen(theme.edge);
  painter->setBrush(Qt::NoBrush);
  painter->drawRect(target.adjusted(0, 0, -1, -1));
  if (model->isInBatch(example)) {
    painter->setRenderHint(QPainter::Antialiasing);
    painter->setPen(QPen(theme.panel, 1.5));
    painter->setBrush(theme.accent);
    painter->drawEllipse(QPointF(target.right() - 4, target.top() + 5), 4.5, 4.5);
  }
  const QRect text(option.rect.left() + margin, area.bottom() + 3, side,
                   option.fontMetrics.height());
  const QString number = QString::number(example);
  painter->setPen(theme.dim);
  painter->drawText(text, Qt::AlignLeft | Qt::AlignVCenter, number);
  painter->setPen(theme.ink);
  const int room = side - option.fontMetrics.horizontalAdvance(number) - 6;
  painter->drawText(
      text, Qt::AlignRight | Qt::AlignVCenter,
      option.fontMetrics.elidedText(model->labelText(example), Qt::ElideRight, std::max(0, room)));
  if (option.state & QStyle::State_HasFocus) {
    painter->setPen(theme.accent);
    painter->setBrush(Qt::NoBrush);
    painter->setRenderHint(QPainter::Antialiasing);
    painter->drawRoundedRect(QRectF(option.rect).adjusted(1.5, 1.5, -1.5, -1.5), 4, 4);
  }
  painter->restore();
}

}  // namespace clipscope
