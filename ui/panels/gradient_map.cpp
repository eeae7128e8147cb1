// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/gradient_map.h"

#include <QHelpEvent>
#include <QPainter>
#include <QResizeEvent>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int caption = 16, legendHeight = 22, gap = 10;
}

GradientMap::GradientMap(QWidget* parent) : QWidget(parent) {
  setAccessibleName(tr("Gradient before and after clipping"));
  QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  policy.setHeightForWidth(true);
  setSizePolicy(policy);
  setMouseTracking(true);
}

void GradientMap::show(std::shared_ptr<const ExampleView> view, Index tensor, double factor) {
  m_view = std::move(view);
  m_tensor = tensor;
  m_factor = factor;
  const ParameterTable& table = m_view->gradient.table();
  m_cells = makeTensorCells(table.trainableInfo(tensor).shape);
  m_scale = largestMagnitude(before());
  setAccessibleDescription(tr("%1, largest magnitude %2, clip factor %3")
                               .arg(QString::fromStdString(table.trainableInfo(tensor).name),
                                    shortNumber(m_scale), shortNumber(factor)));
  fitHeight();
  update();
}

void GradientMap::showNothing(const QString& why) {
  m_view.reset();
  m_why = why;
  fitHeight();
  update();
}

std::span<const double> GradientMap::before() const {
  if (!m_view) return {};
  const GradientSet& gradient = m_view->gradient;
  return gradient[gradient.table().trainable()[static_cast<std::size_t>(m_tensor)]];
}

double GradientMap::after(Index position) const {
  // By selection: a dropped example adds exactly 0, whatever its gradient.
  return m_factor == 0 ? 0.0 : m_factor * before()[static_cast<std::size_t>(position)];
}

GradientMap::Layout GradientMap::layout(int width) const {
  Layout l;
  const double most = m_cells.isStrip() ? width : (width - gap) / 2.0;
  double w = most, h = 22;
  if (!m_cells.isStrip() && m_cells.rows > 0) {
    // Square cells where that gives a picture of sensible height.
    h = std::clamp(most * static_cast<double>(m_cells.rows) / static_cast<double>(m_cells.columns),
                   44.0, 1.4 * most);
    if (m_cells.rows > m_cells.columns) {
      const double square =
          h * static_cast<double>(m_cells.columns) / static_cast<double>(m_cells.rows);
      w = std::clamp(square, std::min(44.0, most), most);
    }
  }
  l.before = QRectF(0, caption, w, h);
  l.after = m_cells.isStrip() ? QRectF(0, l.before.bottom() + caption, w, h)
                              : QRectF(most + gap, caption, w, h);
  l.legend = QRectF(0, std::max(l.before.bottom(), l.after.bottom()) + 6, width, legendHeight - 6);
  return l;
}

void GradientMap::fitHeight() {
  // Said outright: a layout in a scroll area asks for the height too early and keeps the answer.
  setMinimumHeight(heightForWidth(width()));
  updateGeometry();
}

void GradientMap::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  if (event->size().width() != event->oldSize().width()) fitHeight();
}

int GradientMap::heightForWidth(int width) const {
  // Keeps its height while the next gradient is on its way.
  if (m_cells.rows == 0) return 64;
  return static_cast<int>(std::ceil(layout(width).legend.bottom()));
}

QImage GradientMap::picture(bool afterClipping, QSize most) const {
  const std::span<const double> values = before();
  const TensorCells cells = reduceCells(m_cells, values, most.height(), most.width());
  const Theme& theme = Theme::current();
  QImage image(static_cast<int>(cells.columns), static_cast<int>(cells.rows), QImage::Format_RGB32);
  for (Index y = 0; y < cells.rows; ++y) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(static_cast<int>(y)));
    for (Index x = 0; x < cells.columns; ++x) {
      const Index position = cells.at(y, x);
      if (position < 0) {
        line[x] = theme.edge.rgb();
        continue;
      }
      const double value =
          afterClipping ? after(position) : values[static_cast<std::size_t>(position)];
      // What is not finite is no colour of the scale.
      line[x] = std::isfinite(value) ? theme.diverging(m_scale > 0 ? value / m_scale : 0).rgb()
                                     : theme.ink.rgb();
    }
  }
  return image;
}

void GradientMap::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::current();
  QPainter painter(this);
  painter.setPen(theme.dim);
  if (!m_view) {
    painter.drawText(rect(), Qt::AlignCenter | Qt::TextWordWrap, m_why);
    return;
  }
  const Layout l = layout(width());
  const double ratio = painter.device()->devicePixelRatioF();
  const auto draw = [&](const QRectF& place, const QString& name, bool afterClipping) {
    painter.setPen(theme.dim);
    painter.drawText(QRectF(place.left(), place.top() - caption, place.width(), caption - 2),
                     Qt::AlignLeft | Qt::AlignVCenter, name);
    if (afterClipping && std::isnan(m_factor)) {
      painter.drawText(place, Qt::AlignCenter | Qt::TextWordWrap, tr("run to Clip"));
    } else {
      painter.drawImage(place, picture(afterClipping, (place.size() * ratio).toSize()));
    }
    painter.setPen(QPen(theme.edge, 1));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(place);
  };
  draw(l.before, tr("before"), false);
  draw(l.after,
       std::isnan(m_factor) ? tr("after") : tr("after, f = %1").arg(shortNumber(m_factor, 3)),
       true);
  drawScale(painter, l.legend);
}

void GradientMap::drawScale(QPainter& painter, const QRectF& place) const {
  const Theme& theme = Theme::current();
  painter.setPen(theme.dim);
  const QString end = shortNumber(m_scale, 3);
  const double text = fontMetrics().horizontalAdvance(QLatin1Char('-') + end) + 6;
  const QRectF ramp(place.left() + text, place.center().y() - 4,
                    std::max(20.0, place.width() - 2 * text), 8);
  QLinearGradient gradient(ramp.topLeft(), ramp.topRight());
  for (int k = 0; k <= 8; ++k) gradient.setColorAt(k / 8.0, theme.diverging(k / 4.0 - 1));
  painter.fillRect(ramp, gradient);
  painter.drawText(place, Qt::AlignLeft | Qt::AlignVCenter, QStringLiteral("−") + end);
  painter.drawText(place, Qt::AlignRight | Qt::AlignVCenter, end);
  painter.fillRect(QRectF(ramp.center().x() - 0.5, ramp.top() - 2, 1, 12), theme.dim);
}

bool GradientMap::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip || !m_view) return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const Layout l = layout(width());
  for (const QRectF& place : {l.before, l.after}) {
    if (!place.contains(help->pos())) continue;
    const auto row = static_cast<Index>((help->pos().y() - place.top()) / place.height() *
                                        static_cast<double>(m_cells.rows));
    const auto column = static_cast<Index>((help->pos().x() - place.left()) / place.width() *
                                           static_cast<double>(m_cells.columns));
    const Index position =
        m_cells.at(std::min(row, m_cells.rows - 1), std::min(column, m_cells.columns - 1));
    if (position < 0) break;
    const Shape& shape = m_view->gradient.table().trainableInfo(m_tensor).shape;
    QStringList index;
    Index rest = position;
    for (Index axis = static_cast<Index>(shape.rank()); axis-- > 0;) {
      index.prepend(QString::number(rest % shape[axis]));
      rest /= shape[axis];
    }
    QString text = tr("[%1]\nbefore %2")
                       .arg(index.join(QStringLiteral(", ")),
                            shortNumber(before()[static_cast<std::size_t>(position)]));
    if (!std::isnan(m_factor)) text += tr("\nafter %1").arg(shortNumber(after(position)));
    QToolTip::showText(help->globalPos(), text, this);
    return true;
  }
  QToolTip::hideText();
  return true;
}

}  // namespace clipscope
