// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/class_bars.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>

#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

ClassBars::ClassBars(QWidget* parent) : QWidget(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setAccessibleName(tr("Class counts"));
  setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
}

int ClassBars::rowHeight() const { return fontMetrics().height() + 6; }

QSize ClassBars::sizeHint() const {
  return {130, std::max(1, static_cast<int>(m_counts.size())) * rowHeight()};
}

QRect ClassBars::rowRect(int label) const { return {0, label * rowHeight(), width(), rowHeight()}; }

void ClassBars::setCounts(const QStringList& names, const std::vector<Index>& counts) {
  m_names = names;
  m_counts = counts;
  QStringList lines;
  for (std::size_t k = 0; k < m_counts.size(); ++k)
    lines << tr("%1: %2").arg(m_names[static_cast<qsizetype>(k)], grouped(m_counts[k]));
  setAccessibleDescription(lines.join(QStringLiteral(", ")));
  updateGeometry();
  update();
}

void ClassBars::setPicked(int label) {
  m_picked = label;
  update();
}

void ClassBars::pick(int label) {
  if (label < 0 || label >= static_cast<int>(m_counts.size())) return;
  setPicked(label == m_picked ? -1 : label);
  emit classPicked(m_picked);
}

void ClassBars::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  const Theme& theme = Theme::current();
  if (m_counts.empty()) return;
  const double most =
      static_cast<double>(std::max(Index{1}, *std::max_element(m_counts.begin(), m_counts.end())));
  int widest = 0, widestCount = 0;
  for (const QString& name : m_names)
    widest = std::max(widest, fontMetrics().horizontalAdvance(name));
  for (const Index count : m_counts)
    widestCount = std::max(widestCount, fontMetrics().horizontalAdvance(grouped(count)));
  const int names = std::min(widest, width() * 2 / 5) + 8;
  const int room = width() - names - widestCount - 14;
  for (int k = 0; k < static_cast<int>(m_counts.size()); ++k) {
    const QRect row = rowRect(k);
    if (k == m_picked) {
      painter.setPen(Qt::NoPen);
      painter.setBrush(theme.selection);
      painter.drawRoundedRect(row.adjusted(0, 1, 0, -1), 3, 3);
    }
    painter.setPen(m_picked < 0 || k == m_picked ? theme.ink : theme.dim);
    painter.drawText(row.adjusted(4, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter,
                     fontMetrics().elidedText(m_names[k], Qt::ElideRight, names - 8));
    const double count = static_cast<double>(m_counts[static_cast<std::size_t>(k)]);
    QColor colour = theme.category(0);
    if (m_picked >= 0 && k != m_picked) colour.setAlpha(90);
    painter.fillRect(
        QRectF(names, row.top() + 4, count / most * std::max(0, room), row.height() - 8), colour);
    painter.setPen(theme.dim);
    painter.drawText(row.adjusted(0, 0, -4, 0), Qt::AlignRight | Qt::AlignVCenter,
                     grouped(m_counts[static_cast<std::size_t>(k)]));
  }
  if (hasFocus()) {
    painter.setPen(theme.accent);
    painter.setBrush(Qt::NoBrush);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), 3, 3);
  }
}

void ClassBars::mousePressEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) pick(event->position().toPoint().y() / rowHeight());
}

void ClassBars::keyPressEvent(QKeyEvent* event) {
  const int last = static_cast<int>(m_counts.size()) - 1;
  int next = m_picked;
  if (event->key() == Qt::Key_Down)
    next = std::min(last, m_picked + 1);
  else if (event->key() == Qt::Key_Up)
    next = m_picked < 0 ? last : std::max(0, m_picked - 1);
  else if (event->key() == Qt::Key_Backspace || event->key() == Qt::Key_Delete)
    next = -1;
  else
    return QWidget::keyPressEvent(event);
  if (next == m_picked) return;
  setPicked(next);
  emit classPicked(next);
}

void ClassBars::focusInEvent(QFocusEvent* event) {
  QWidget::focusInEvent(event);
  update();
}

bool ClassBars::event(QEvent* event) {
  if (event->type() == QEvent::ToolTip) {
    auto* help = static_cast<QHelpEvent*>(event);
    const int row = help->pos().y() / rowHeight();
    if (row >= 0 && row < static_cast<int>(m_counts.size()))
      QToolTip::showText(help->globalPos(),
                         tr("%1: %2 examples. A click shows this class alone.")
                             .arg(m_names[row], grouped(m_counts[static_cast<std::size_t>(row)])),
                         this);
    return true;
  }
  return QWidget::event(event);
}

}  // namespace clipscope
