// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/paired_bars.h"

#include <QHelpEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "ui/panels/tensor_label.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int barLine = 15;
}

PairedBars::PairedBars(const QString& accessibleName, QWidget* parent) : QWidget(parent) {
  setAccessibleName(accessibleName);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

void PairedBars::show(std::vector<Row> rows, double scale) {
  const bool resized = rows.size() != m_rows.size();
  m_rows = std::move(rows);
  m_scale = scale;
  if (scale <= 0)
    for (const Row& row : m_rows)
      for (const double value : {row.first, row.second})
        if (std::isfinite(value)) m_scale = std::max(m_scale, value);
  if (resized) updateGeometry();
  update();
}

QSize PairedBars::sizeHint() const { return {246, barLine * static_cast<int>(m_rows.size())}; }

void PairedBars::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::current();
  QPainter painter(this);
  const QFont plain = painter.font();
  QFont bold = plain;
  bold.setBold(true);
  int names = 30, numbers = 20;
  for (const Row& row : m_rows) {
    names = std::max(names, QFontMetrics(row.marked ? bold : plain).horizontalAdvance(row.name));
    numbers = std::max(numbers, fontMetrics().horizontalAdvance(row.number));
  }
  names = std::min(names + 2, width() * 2 / 5);  // an advance is rounded, a text is not
  const double left = names + 8, room = std::max(10, width() - names - numbers - 16);
  for (std::size_t k = 0; k < m_rows.size(); ++k) {
    const Row& row = m_rows[k];
    const QRectF place(0, static_cast<double>(k) * barLine, width(), barLine);
    painter.setFont(row.marked ? bold : plain);
    painter.setPen(theme.ink);
    painter.drawText(QRectF(0, place.top(), names, barLine), Qt::AlignRight | Qt::AlignVCenter,
                     tensorLabel(row.name, QFontMetrics(painter.font()), names));
    painter.setFont(plain);
    painter.setPen(theme.dim);
    painter.drawText(place, Qt::AlignRight | Qt::AlignVCenter, row.number);
    const auto bar = [&](double value, double top, double height, const QColor& colour) {
      if (!(value > 0) || !(m_scale > 0)) return;
      const double share = std::isfinite(value) ? std::min(1.0, value / m_scale) : 1.0;
      // A hair at least: there is something.
      painter.fillRect(QRectF(left, place.top() + top, std::max(1.0, room * share), height),
                       colour);
    };
    if (std::isnan(row.second)) {
      bar(row.first, 4, 7, theme.before);
    } else {
      bar(row.first, 2, 5, theme.before);
      bar(row.second, 8, 5, theme.after);
    }
  }
}

bool PairedBars::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const auto row = static_cast<std::size_t>(std::max(0, help->pos().y()) / barLine);
  if (row < m_rows.size() && !m_rows[row].tip.isEmpty())
    QToolTip::showText(help->globalPos(), m_rows[row].tip, this);
  else
    QToolTip::hideText();
  return true;
}

}  // namespace clipscope
