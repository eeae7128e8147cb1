// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plots/plot.h"

#include <QToolTip>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

Plot::Plot(const QString& accessibleName, QWidget* parent) : QCustomPlot(parent) {
  setAccessibleName(accessibleName);
  setFocusPolicy(Qt::StrongFocus);
  setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
  setMouseTracking(true);
  // QCustomPlot keeps mouse events to itself, and the context menu with them, which is the panel's.
  setAttribute(Qt::WA_NoMousePropagation, false);
  // Room at the top for the tag of a threshold.
  axisRect()->setMinimumMargins(QMargins(6, 18, 8, 4));
  for (QCPAxis* axis : {xAxis, yAxis}) {
    axis->setTickLengthIn(0);
    axis->setSubTickLength(0, 0);
    axis->setSubTicks(false);  // of no length, vectors would draw them as dots
    axis->setTickLabelPadding(4);
    axis->setLabelPadding(2);
    axis->setNumberFormat(QStringLiteral("g"));
  }
  xAxis->grid()->setVisible(false);
  yAxis->setBasePen(Qt::NoPen);
  yAxis->setTickPen(Qt::NoPen);
  for (QCPAxis* axis : {xAxis, yAxis}) axis->setSubTickPen(Qt::NoPen);
  applyTheme();
  connect(selectionRect(), &QCPSelectionRect::accepted, this, [this](const QRect& rect) {
    if (selectionRectMode() != QCP::srmCustom) return;
    const QPointF a = coordinates(rect.topLeft()), b = coordinates(rect.bottomRight());
    emit rectangleSelected(QRectF(QPointF(std::min(a.x(), b.x()), std::min(a.y(), b.y())),
                                  QPointF(std::max(a.x(), b.x()), std::max(a.y(), b.y()))));
  });
}

void Plot::applyTheme() {
  const Theme& theme = Theme::current();
  setBackground(theme.panel);
  axisRect()->setBackground(theme.panel);
  for (QCPAxis* axis : {xAxis, yAxis}) {
    axis->setTickLabelColor(theme.dim);
    axis->setLabelColor(theme.dim);
    axis->setTickLabelFont(font());
    axis->setLabelFont(font());
    axis->grid()->setPen(QPen(theme.grid, 1));
    axis->grid()->setZeroLinePen(QPen(theme.grid, 1));
  }
  xAxis->setBasePen(QPen(theme.edge, 1));
  xAxis->setTickPen(QPen(theme.edge, 1));
  selectionRect()->setPen(QPen(theme.accent, 1));
  QColor fill = theme.accent;
  fill.setAlpha(40);
  selectionRect()->setBrush(fill);
  if (m_recolour) m_recolour();
}

void Plot::changeEvent(QEvent* event) {
  QCustomPlot::changeEvent(event);
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
    applyTheme();
    queueReplot();
  }
}

void Plot::fit() {
  m_userRange = false;
  if (m_fit) m_fit();
  queueReplot();
}

void Plot::refit() {
  if (!m_userRange && m_fit) m_fit();
  queueReplot();
}

QPointF Plot::coordinates(QPointF pixel) const {
  return {xAxis->pixelToCoord(pixel.x()), yAxis->pixelToCoord(pixel.y())};
}

void Plot::mousePressEvent(QMouseEvent* event) {
  m_pressed = event->position();
  if (event->modifiers() & Qt::ShiftModifier)
    setSelectionRectMode(QCP::srmZoom);
  else if (event->modifiers() & Qt::ControlModifier)
    setSelectionRectMode(QCP::srmCustom);
  else
    setSelectionRectMode(QCP::srmNone);
  QCustomPlot::mousePressEvent(event);
}

void Plot::mouseReleaseEvent(QMouseEvent* event) {
  const bool click = (event->position() - m_pressed).manhattanLength() < 4;
  QCustomPlot::mouseReleaseEvent(event);
  if (event->button() != Qt::LeftButton) return;
  if (click && axisRect()->rect().contains(event->position().toPoint()))
    emit clicked(coordinates(event->position()), event->modifiers() & Qt::ControlModifier);
  else if (!click && !(event->modifiers() & Qt::ControlModifier))
    m_userRange = true;
}

void Plot::mouseMoveEvent(QMouseEvent* event) {
  QCustomPlot::mouseMoveEvent(event);
  if (!m_hoverText || event->buttons() != Qt::NoButton) return;
  const QString text = axisRect()->rect().contains(event->position().toPoint())
                           ? m_hoverText(coordinates(event->position()))
                           : QString();
  if (text.isEmpty())
    QToolTip::hideText();
  else
    QToolTip::showText(event->globalPosition().toPoint(), text, this);
}

void Plot::mouseDoubleClickEvent(QMouseEvent*) { fit(); }

void Plot::wheelEvent(QWheelEvent* event) {
  const QPointF at = event->position();
  Qt::Orientations axes = Qt::Horizontal | Qt::Vertical;
  if (at.y() > axisRect()->bottom()) axes = Qt::Horizontal;
  if (at.x() < axisRect()->left()) axes = Qt::Vertical;
  const double factor = std::pow(0.85, event->angleDelta().y() / 120.0);
  if (axes & Qt::Horizontal) xAxis->scaleRange(factor, xAxis->pixelToCoord(at.x()));
  if (axes & Qt::Vertical) yAxis->scaleRange(factor, yAxis->pixelToCoord(at.y()));
  m_userRange = true;
  queueReplot();
  event->accept();
}

void Plot::keyPressEvent(QKeyEvent* event) {
  // A tenth of what is shown; with Ctrl a half.
  const double share = event->modifiers() & Qt::ControlModifier ? 0.5 : 0.1;
  const auto pan = [&](QCPAxis* axis, double direction) {
    axis->moveRange(direction * share * axis->range().size());
  };
  const auto zoom = [&](double factor) {
    for (QCPAxis* axis : {xAxis, yAxis}) axis->scaleRange(factor);
  };
  if (event->modifiers() == Qt::ShiftModifier &&
      (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right)) {
    emit walked(event->key() == Qt::Key_Left ? -1 : 1);
    return event->accept();
  }
  switch (event->key()) {
    case Qt::Key_Home:
      return fit();
    case Qt::Key_Left:
      pan(xAxis, -1);
      break;
    case Qt::Key_Right:
      pan(xAxis, 1);
      break;
    case Qt::Key_Down:
      pan(yAxis, -1);
      break;
    case Qt::Key_Up:
      pan(yAxis, 1);
      break;
    case Qt::Key_Plus:
    case Qt::Key_Equal:
      zoom(0.8);
      break;
    case Qt::Key_Minus:
      zoom(1.25);
      break;
    default:
      return QCustomPlot::keyPressEvent(event);
  }
  m_userRange = true;
  queueReplot();
}

QVector<double> PowerTicker::createTickVector(double, const QCPRange& range) {
  QVector<double> ticks;
  const int first = static_cast<int>(std::floor(range.lower));
  const int last = static_cast<int>(std::ceil(range.upper));
  const int step = std::max(1, (last - first + 7) / 8);
  const bool fine = range.size() < 2.2;
  for (int power = first; power <= last; ++power) {
    if (power <= m_zeroAt + 0.07 * range.size()) continue;  // its label would touch the 0's
    if (power % step == 0) ticks.push_back(power);
    if (fine)
      for (const double digit : {2.0, 5.0}) ticks.push_back(power + std::log10(digit));
  }
  if (m_zeroAt > -1e299) ticks.push_back(m_zeroAt);
  return ticks;
}

QString PowerTicker::getTickLabel(double tick, const QLocale&, QChar, int) {
  if (tick <= m_zeroAt) return QStringLiteral("0");
  const double value = std::pow(10.0, tick);
  if (value >= 9.99e4 || value < 9.99e-4) {
    const int power = static_cast<int>(std::lround(std::floor(tick + 1e-9)));
    const double digit = value / std::pow(10.0, power);
    return (digit > 1.5 ? QString::number(std::lround(digit)) : QStringLiteral("1")) +
           QStringLiteral("e") + QString::number(power);
  }
  return QString::number(value, 'g', 3);
}

}  // namespace clipscope
