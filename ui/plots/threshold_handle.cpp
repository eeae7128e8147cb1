// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plots/threshold_handle.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr double reach = 4;  // pixels beside the line that take it
}

ThresholdHandle::ThresholdHandle(Plot* plot, const QString& accessibleName)
    : QWidget(plot),
      m_plot(plot),
      m_line(new QCPItemStraightLine(plot)),
      m_tag(new QCPItemText(plot)),
      m_toValue([](double x) { return x; }),
      m_toPosition([](double x) { return x; }) {
  setAccessibleName(accessibleName);
  setToolTip(
      tr("Drag to try another value; ← → move it, with Shift finely; Return uses it, Esc "
         "goes back"));
  setFocusPolicy(Qt::StrongFocus);
  setCursor(Qt::SizeHorCursor);
  m_tag->position->setTypeX(QCPItemPosition::ptPlotCoords);
  m_tag->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
  m_tag->setClipToAxisRect(false);
  m_tag->setPadding(QMargins(5, 1, 5, 1));
  m_tag->setPositionAlignment(Qt::AlignHCenter | Qt::AlignVCenter);
  recolour();
  setShown(false);
  connect(plot, &QCustomPlot::afterReplot, this, &ThresholdHandle::place);
  plot->installEventFilter(this);
}

void ThresholdHandle::setMapping(std::function<double(double)> value,
                                 std::function<double(double)> position) {
  m_toValue = std::move(value);
  m_toPosition = std::move(position);
}

void ThresholdHandle::setValue(double value, const QString& text, bool dashed) {
  m_value = value;
  m_dashed = dashed;
  const double x = m_toPosition(value);
  m_line->point1->setCoords(x, 0);
  m_line->point2->setCoords(x, 1);
  m_tag->position->setCoords(x, 0.0);
  m_tag->setText(text);
  setAccessibleDescription(text);
  recolour();
}

void ThresholdHandle::setShown(bool shown) {
  m_shown = shown;
  m_line->setVisible(shown);
  m_tag->setVisible(shown);
  setVisible(shown);
}

void ThresholdHandle::recolour() {
  const Theme& t = Theme::current();
  QPen pen(t.threshold, 2);
  if (m_dashed) pen.setStyle(Qt::DashLine);
  m_line->setPen(pen);
  m_tag->setBrush(t.threshold);
  m_tag->setPen(QPen(t.threshold, 1));
  m_tag->setColor(t.dark ? t.background : t.panel);
  QFont bold = m_plot->font();
  bold.setBold(true);
  m_tag->setFont(bold);
}

double ThresholdHandle::linePixel() const {
  return m_plot->xAxis->coordToPixel(m_toPosition(m_value));
}

void ThresholdHandle::place() {
  if (!m_shown) return;
  const double x = linePixel();
  const bool inside = x >= m_plot->axisRect()->left() - 1 && x <= m_plot->axisRect()->right() + 1;
  setVisible(inside);
  const QPointF from = m_tag->topLeft->pixelPosition(), to = m_tag->bottomRight->pixelPosition();
  setGeometry(QRectF(from, to).toAlignedRect().adjusted(-2, -2, 2, 2));
}

bool ThresholdHandle::isOnLine(QPointF pixel) const {
  return m_shown && isEnabled() && m_plot->axisRect()->rect().contains(pixel.toPoint()) &&
         std::abs(pixel.x() - linePixel()) <= reach;
}

void ThresholdHandle::begin(double pixel) {
  m_dragging = true;
  m_grip = pixel - linePixel();
  setFocus(Qt::MouseFocusReason);
}

void ThresholdHandle::moveTo(double pixel) {
  const QRect rect = m_plot->axisRect()->rect();
  const double x = std::clamp(pixel - m_grip, static_cast<double>(rect.left()),
                              static_cast<double>(rect.right()));
  const double value = m_toValue(m_plot->xAxis->pixelToCoord(x));
  if (value > 0 && value != m_value) emit moved(value);
}

void ThresholdHandle::end() {
  m_dragging = false;
  emit released();
}

bool ThresholdHandle::eventFilter(QObject* watched, QEvent* event) {
  if (watched != m_plot || !m_shown) return false;
  if (event->type() != QEvent::MouseButtonPress && event->type() != QEvent::MouseMove &&
      event->type() != QEvent::MouseButtonRelease)
    return false;
  const auto* mouse = static_cast<QMouseEvent*>(event);
  if (event->type() == QEvent::MouseButtonPress) {
    if (mouse->button() != Qt::LeftButton || mouse->modifiers() != Qt::NoModifier ||
        !isOnLine(mouse->position()))
      return false;
    begin(mouse->position().x());
    return true;
  }
  if (event->type() == QEvent::MouseMove) {
    if (m_dragging) {
      moveTo(mouse->position().x());
      return true;
    }
    if (mouse->buttons() == Qt::NoButton) {
      if (isOnLine(mouse->position()))
        m_plot->setCursor(Qt::SizeHorCursor);
      else
        m_plot->unsetCursor();
    }
    return false;
  }
  if (!m_dragging) return false;
  end();
  return true;
}

void ThresholdHandle::mousePressEvent(QMouseEvent* event) {
  if (event->button() == Qt::LeftButton) begin(mapToParent(event->position().toPoint()).x());
}

void ThresholdHandle::mouseMoveEvent(QMouseEvent* event) {
  if (m_dragging) moveTo(mapToParent(event->position()).x());
}

void ThresholdHandle::mouseReleaseEvent(QMouseEvent*) {
  if (m_dragging) end();
}

bool ThresholdHandle::event(QEvent* event) {
  // The window's own Esc and arrows stand back while there is something to move or to go back from.
  if (event->type() == QEvent::ShortcutOverride) {
    const int key = static_cast<QKeyEvent*>(event)->key();
    if ((key == Qt::Key_Escape && m_reversible) || key == Qt::Key_Return) {
      event->accept();
      return true;
    }
  }
  return QWidget::event(event);
}

void ThresholdHandle::keyPressEvent(QKeyEvent* event) {
  const double step = event->modifiers() & Qt::ShiftModifier ? 1.005 : 1.05;
  switch (event->key()) {
    case Qt::Key_Left:
      emit moved(m_value / step);
      break;
    case Qt::Key_Right:
      emit moved(m_value * step);
      break;
    case Qt::Key_Return:
    case Qt::Key_Enter:
      emit accepted();
      break;
    case Qt::Key_Escape:
      if (m_reversible)
        emit reversed();
      else
        event->ignore();
      break;
    default:
      QWidget::keyPressEvent(event);
  }
}

void ThresholdHandle::paintEvent(QPaintEvent*) {
  if (!hasFocus()) return;
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  painter.setPen(QPen(Theme::current().accent, 2));
  painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 3, 3);
}

}  // namespace clipscope
