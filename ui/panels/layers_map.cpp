// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/layers_map.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QPainter>
#include <QToolTip>
#include <algorithm>
#include <cmath>
#include <tuple>

#include "ui/panels/tensor_label.h"
#include "ui/plots/number_format.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

LayersMap::LayersMap(Selection* selection, QWidget* parent)
    : QWidget(parent), m_selection(selection) {
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  setMinimumSize(220, 110);
  setAccessibleName(tr("Share of the squared norm by tensor and example"));
  connect(selection, &Selection::changed, this, qOverload<>(&QWidget::update));
}

void LayersMap::setRecord(std::shared_ptr<const StepRecord> record) {
  m_record = std::move(record);
  m_order.clear();
  for (Index i = 0; i < m_record->batchSize(); ++i) m_order.push_back(i);
  const auto& global = m_record->norms->global;
  std::stable_sort(m_order.begin(), m_order.end(), [&](Index a, Index b) {
    const double x = global[static_cast<std::size_t>(a)], y = global[static_cast<std::size_t>(b)];
    // What is not finite stands at the left, with the largest.
    if (!std::isfinite(x) || !std::isfinite(y)) return !std::isfinite(x) && std::isfinite(y);
    return x > y;
  });
  rebuild();
}

void LayersMap::setQuantity(Quantity quantity) {
  m_quantity = quantity;
  rebuild();
}

void LayersMap::setAfterClipping(bool after) {
  m_after = after;
  rebuild();
}

double LayersMap::value(Index tensor, Index column) const {
  const Index row = rowOf(column);
  const double global = m_record->norms->global[static_cast<std::size_t>(row)];
  if (!std::isfinite(global)) return notANumber;
  double norm = m_record->norms->norms.at(row, tensor);
  double whole = global;
  if (m_after && m_record->has(Phase::Clip)) {
    norm *= m_record->clip->factors.factor(
        row, m_record->clip->groupOf[static_cast<std::size_t>(tensor)]);
    whole = m_record->clip->factors.clippedNorm(row);
  }
  if (m_quantity == Quantity::Norm) return norm;
  return whole > 0 ? (norm / whole) * (norm / whole) : 0.0;
}

void LayersMap::setCompact(bool compact) {
  m_compact = compact;
  update();
}

void LayersMap::setScale(std::optional<std::pair<double, double>> scale) {
  if (m_scale == scale) return;
  m_scale = scale;
  rebuild();
}

std::pair<double, double> LayersMap::ownScale() const {
  if (!m_record || m_quantity == Quantity::Share) return {0, 1};
  double low = 1e300, high = -1e300;
  for (Index t = 0; t < m_record->norms->norms.tensors(); ++t)
    for (Index c = 0; c < columns(); ++c) {
      const double v = value(t, c);
      if (!(v > 0)) continue;
      low = std::min(low, std::log10(v));
      high = std::max(high, std::log10(v));
    }
  if (high < low) return {0, 1};
  low = std::max(low, high - 6);
  return {high - low < 1e-6 ? high - 1 : low, high};
}

void LayersMap::rebuild() {
  if (!m_record) return;
  const Index tensors = m_record->norms->norms.tensors();
  std::tie(m_low, m_high) = m_scale && m_quantity == Quantity::Norm ? *m_scale : ownScale();
  m_image = QImage(std::max<int>(1, static_cast<int>(columns())), static_cast<int>(tensors),
                   QImage::Format_RGB32);
  for (Index t = 0; t < tensors; ++t) {
    auto* line = reinterpret_cast<QRgb*>(m_image.scanLine(static_cast<int>(t)));
    for (Index c = 0; c < columns(); ++c) {
      const double v = value(t, c);
      if (std::isnan(v)) {
        line[c] = Theme::current().threshold.rgb();
        continue;
      }
      // The square root spreads the small shares, which are most of them.
      const double shade = m_quantity == Quantity::Share
                               ? std::sqrt(v)
                               : (v > 0 ? (std::log10(v) - m_low) / (m_high - m_low) : 0);
      line[c] = Theme::viridis(shade).rgb();
    }
  }
  update();
}

LayersMap::Layout LayersMap::layout() const {
  Layout l;
  const double labels = std::min(110.0, width() * 0.26);
  l.grouped = m_record && m_record->has(Phase::Clip) && m_record->clip->groups.size() > 1;
  const double side =
      l.grouped ? std::clamp(width() * 0.4, 176.0, 250.0) : std::clamp(width() * 0.26, 96.0, 180.0);
  if (m_compact)
    l.map = QRectF(labels, 2, width() - labels - 2, height() - 4);
  else
    l.map = QRectF(labels, 16, width() - labels - side - 14, height() - 16 - 20);
  l.bars = QRectF(l.map.right() + 14, l.map.top(), side, l.map.height());
  const auto tensors = m_record ? m_record->norms->norms.tensors() : 1;
  l.row = l.map.height() / static_cast<double>(tensors);
  l.labelEvery = std::max(1, static_cast<int>(std::ceil(12.0 / l.row)));
  return l;
}

QString LayersMap::label(std::size_t tensor, int width) const {
  return tensorLabel(QString::fromStdString(m_record->info->tensors[tensor]), fontMetrics(), width);
}

void LayersMap::paintEvent(QPaintEvent*) {
  if (!m_record || m_order.empty()) return;
  const Theme& theme = Theme::current();
  const Layout l = layout();
  QPainter painter(this);
  painter.setRenderHint(QPainter::LosslessImageRendering);  // a PDF would have a JPEG of 8 rows
  painter.drawImage(l.map, m_image);
  const auto tensors = static_cast<std::size_t>(m_record->norms->norms.tensors());
  painter.setPen(theme.ink);
  for (std::size_t t = 0; t < tensors; ++t) {
    const double top = l.map.top() + l.row * static_cast<double>(t);
    if (l.row > 5 && t > 0)
      painter.fillRect(QRectF(l.map.left(), top - 0.5, l.map.width(), 1), theme.panel);
    if (t % static_cast<std::size_t>(l.labelEvery) != 0) continue;
    const double height = l.row * l.labelEvery;
    const bool isChosen = m_selection->hasTensor(m_record->info->tensors[t]);
    if (isChosen) painter.fillRect(QRectF(0, top, l.map.left() - 3, l.row), theme.selection);
    painter.drawText(QRectF(0, top, l.map.left() - 8, height), Qt::AlignRight | Qt::AlignVCenter,
                     label(t, static_cast<int>(l.map.left()) - 10));
  }
  if (m_compact) {
    drawSelection(painter, l);
    return drawFocus(painter, l);
  }
  painter.setPen(theme.dim);
  const QRectF foot(l.map.left(), l.map.bottom() + 3, l.map.width(), 16);
  const bool narrow = l.map.width() < 170;
  painter.drawText(foot, Qt::AlignLeft | Qt::AlignVCenter,
                   narrow ? tr("large") : tr("largest norm"));
  painter.drawText(foot, Qt::AlignRight | Qt::AlignVCenter, narrow ? tr("small") : tr("smallest"));
  if (l.map.width() > 330) {
    const bool share = m_quantity == Quantity::Share;
    drawScale(painter, foot, share ? tr("0 %") : shortNumber(std::pow(10, m_low), 2),
              share ? tr("100 %") : shortNumber(std::pow(10, m_high), 3));
  }
  drawBars(painter, l);
  drawSelection(painter, l);
  drawFocus(painter, l);
}

void LayersMap::drawFocus(QPainter& painter, const Layout& l) const {
  if (!hasFocus()) return;
  painter.setPen(QPen(Theme::current().accent, 1));
  painter.setBrush(Qt::NoBrush);
  painter.drawRect(l.map.adjusted(-1, -1, 0, 0));
}

void LayersMap::drawScale(QPainter& painter, const QRectF& foot, const QString& low,
                          const QString& high) const {
  const QRectF ramp(foot.center().x() - 36, foot.center().y() - 4, 72, 8);
  QLinearGradient gradient(ramp.topLeft(), ramp.topRight());
  for (int k = 0; k <= 8; ++k) gradient.setColorAt(k / 8.0, Theme::viridis(k / 8.0));
  painter.fillRect(ramp, gradient);
  painter.drawText(QRectF(foot.left(), foot.top(), ramp.left() - 5 - foot.left(), foot.height()),
                   Qt::AlignRight | Qt::AlignVCenter, low);
  painter.drawText(QRectF(ramp.right() + 5, foot.top(), 80, foot.height()),
                   Qt::AlignLeft | Qt::AlignVCenter, high);
}

void LayersMap::drawBars(QPainter& painter, const Layout& l) const {
  const Theme& theme = Theme::current();
  const RunInfo& info = *m_record->info;
  const double barWidth = l.bars.width() - (l.grouped ? 108 : 0);
  painter.setPen(theme.dim);
  const QRectF head(l.bars.left(), 0, barWidth, 14);
  painter.drawText(head, Qt::AlignRight | Qt::AlignVCenter,
                   barWidth < 76 ? tr("share") : tr("mean share"));
  const double column = (l.bars.width() - barWidth) / 2;
  const double numbers = fontMetrics().horizontalAdvance(QStringLiteral("100.0 %")) + 4;
  if (l.grouped) {
    painter.drawText(QRectF(l.bars.left() + barWidth, 0, column, 14),
                     Qt::AlignRight | Qt::AlignVCenter, tr("C"));
    painter.drawText(QRectF(l.bars.left() + barWidth + column, 0, column, 14),
                     Qt::AlignRight | Qt::AlignVCenter, tr("clipped"));
  }
  int layer = -1;
  for (std::size_t t = 0; t < info.tensors.size(); ++t) {
    if (t == 0 || info.layers[t] != info.layers[t - 1]) ++layer;
    const double share = m_record->norms->tensorShare[t];
    const QRectF row(l.bars.left(), l.map.top() + l.row * static_cast<double>(t), barWidth, l.row);
    const QRectF track =
        row.adjusted(0, std::min(2.0, l.row * 0.15), -numbers, -std::min(2.0, l.row * 0.15));
    painter.fillRect(track, theme.grid);
    QColor colour = theme.category(layer);
    // A bias has its weight's colour, lighter.
    if (info.tensors[t].ends_with(".bias")) colour.setAlpha(150);
    if (std::isfinite(share))
      painter.fillRect(QRectF(track.left(), track.top(), track.width() * share, track.height()),
                       colour);
    if (t % static_cast<std::size_t>(l.labelEvery) != 0) continue;
    const QRectF text(row.left(), row.top(), row.width(), l.row * l.labelEvery);
    painter.setPen(theme.ink);
    painter.drawText(text, Qt::AlignRight | Qt::AlignVCenter, percent(share));
    if (!l.grouped) continue;
    const auto& group =
        m_record->clip->groups[static_cast<std::size_t>(m_record->clip->groupOf[t])];
    painter.drawText(QRectF(row.right(), row.top(), column, text.height()),
                     Qt::AlignRight | Qt::AlignVCenter, shortNumber(group.threshold, 3));
    painter.drawText(QRectF(row.right() + column, row.top(), column, text.height()),
                     Qt::AlignRight | Qt::AlignVCenter, percent(group.clippedFraction));
  }
}

void LayersMap::drawSelection(QPainter& painter, const Layout& l) const {
  const double step = l.map.width() / static_cast<double>(columns());
  painter.setPen(Qt::NoPen);
  painter.setBrush(Theme::current().good);
  painter.setRenderHint(QPainter::Antialiasing);
  for (Index c = 0; c < columns(); ++c) {
    const Index example = m_record->sample->examples[static_cast<std::size_t>(rowOf(c))];
    if (!m_selection->contains(example)) continue;
    const double x = l.map.left() + (static_cast<double>(c) + 0.5) * step;
    const double top = l.map.top();
    painter.drawPolygon(QPolygonF{{x - 5, top - 9}, {x + 5, top - 9}, {x, top - 1}});
    painter.fillRect(QRectF(x - std::max(0.5, step / 2), top, std::max(1.0, step), 2),
                     Theme::current().good);
    painter.fillRect(
        QRectF(x - std::max(0.5, step / 2), l.map.bottom() - 2, std::max(1.0, step), 2),
        Theme::current().good);
  }
}

Index LayersMap::columnAt(double x) const {
  const Layout l = layout();
  const double at = (x - l.map.left()) / l.map.width() * static_cast<double>(columns());
  if (at < 0 || at >= static_cast<double>(columns())) return -1;
  return static_cast<Index>(at);
}

Index LayersMap::tensorAt(double y) const {
  const Layout l = layout();
  const double at = std::floor((y - l.map.top()) / l.row);
  const bool isInside =
      m_record && at >= 0 && at < static_cast<double>(m_record->norms->norms.tensors());
  return isInside ? static_cast<Index>(at) : -1;
}

void LayersMap::mousePressEvent(QMouseEvent* event) {
  if (event->button() != Qt::LeftButton || !m_record) return QWidget::mousePressEvent(event);
  const Index column = columnAt(event->position().x());
  if (column < 0) {
    // Beside the map: a name or a bar is the whole tensor.
    const Index tensor = tensorAt(event->position().y());
    if (tensor < 0) return;
    const std::string& name = m_record->info->tensors[static_cast<std::size_t>(tensor)];
    if (event->modifiers() & Qt::ControlModifier)
      m_selection->toggleTensor(name);
    else if (m_selection->tensors() == std::vector{name})
      m_selection->clearTensors();
    else
      m_selection->selectTensor(name);
    return;
  }
  const Index example = m_record->sample->examples[static_cast<std::size_t>(rowOf(column))];
  if (event->modifiers() & Qt::ControlModifier)
    m_selection->toggle(example);
  else
    m_selection->select(example);
}

void LayersMap::keyPressEvent(QKeyEvent* event) {
  const int down = event->key() == Qt::Key_Down ? 1 : event->key() == Qt::Key_Up ? -1 : 0;
  if (down != 0 && m_record) {
    const auto& names = m_record->info->tensors;
    const auto chosen = m_selection->tensors().empty()
                            ? names.end()
                            : std::ranges::find(names, m_selection->tensors().front());
    const auto last = static_cast<std::ptrdiff_t>(names.size()) - 1;
    const std::ptrdiff_t at =
        chosen == names.end() ? (down > 0 ? 0 : last) : (chosen - names.begin()) + down;
    m_selection->selectTensor(
        names[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(at, 0, last))]);
    return;
  }
  const int move = event->key() == Qt::Key_Right ? 1 : event->key() == Qt::Key_Left ? -1 : 0;
  if (move == 0 || !m_record || m_order.empty()) return QWidget::keyPressEvent(event);
  Index at = -1;
  for (Index c = 0; c < columns(); ++c)
    if (m_record->sample->examples[static_cast<std::size_t>(rowOf(c))] == m_selection->current())
      at = c;
  at = std::clamp<Index>(at + move, 0, columns() - 1);
  m_selection->select(m_record->sample->examples[static_cast<std::size_t>(rowOf(at))]);
}

bool LayersMap::event(QEvent* event) {
  if (event->type() != QEvent::ToolTip || !m_record || m_order.empty())
    return QWidget::event(event);
  const auto* help = static_cast<QHelpEvent*>(event);
  const Layout l = layout();
  const Index column = columnAt(help->pos().x());
  const auto tensor = static_cast<Index>((help->pos().y() - l.map.top()) / l.row);
  if (column < 0 || tensor < 0 || tensor >= m_record->norms->norms.tensors() ||
      help->pos().y() < l.map.top()) {
    QToolTip::hideText();
    return true;
  }
  const Index row = rowOf(column);
  const double global = m_record->norms->global[static_cast<std::size_t>(row)];
  const double norm = m_record->norms->norms.at(row, tensor);
  QString text =
      tr("example #%1, %2\nnorm ‖∂L/∂θ_p‖ = %3\nshare of ‖g‖²: n_p²/n² = (%3/%5)² = %4")
          .arg(m_record->sample->examples[static_cast<std::size_t>(row)])
          .arg(QString::fromStdString(m_record->info->tensors[static_cast<std::size_t>(tensor)]),
               shortNumber(norm), percent(global > 0 ? norm * norm / (global * global) : 0),
               shortNumber(global));
  if (m_record->has(Phase::Clip)) {
    const Index group = m_record->clip->groupOf[static_cast<std::size_t>(tensor)];
    text += tr("\nclip factor %1 of group %2: C_k = %3, n_k = %4")
                .arg(shortNumber(m_record->clip->factors.factor(row, group)),
                     QString::fromStdString(
                         m_record->clip->groups[static_cast<std::size_t>(group)].name),
                     shortNumber(m_record->clip->groups[static_cast<std::size_t>(group)].threshold),
                     shortNumber(m_record->clip->factors.groupNorm(row, group)));
  }
  QToolTip::showText(help->globalPos(), text, this);
  return true;
}

void LayersMap::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) rebuild();
}

}  // namespace clipscope
