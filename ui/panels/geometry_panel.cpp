// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/geometry_panel.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/formats/number_text.h"
#include "ui/panels/empty_batch.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/selection.h"
#include "ui/theme.h"
#include "ui/what_if_state.h"

namespace clipscope {

namespace {
enum Mean { True, Clipped, Noisy, Zero };
}

GeometryPanel::GeometryPanel(Selection* selection, WhatIfState* state, QWidget* parent)
    : Panel(tr("Geometry"), selection, parent),
      m_state(state),
      m_work([this](const Made& made) { take(made); }) {
  m_legend = new QLabel(this);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setWordWrap(true);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  body()->addWidget(m_legend);
  auto* row = new QHBoxLayout;
  row->setSpacing(10);
  m_components = new Plot(tr("Gradients on their two principal components"), this);
  m_cosines = new Plot(tr("How the gradients agree with their mean"), this);
  row->addWidget(m_components, 3);
  row->addWidget(m_cosines, 2);
  body()->addLayout(row, 1);
  m_verdict = new QLabel(this);
  m_verdict->setWordWrap(true);
  m_verdict->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_verdict->setToolTip(tr(
      "cos(s + z, ḡ): the angle between what is released and the true mean of the batch. A random "
      "direction has a cosine of 0 ± 1/√d. Gradient noise scale: tr Σ/‖G‖², both unbiased "
      "(McCandlish et al. 2018, arXiv:1812.06162): in batches smaller than it, sampling outweighs "
      "the mean."));
  body()->addWidget(m_verdict);

  m_before = m_components->addGraph();
  m_after = m_components->addGraph();
  for (QCPGraph*& mean : m_means) mean = m_components->addGraph();
  m_lit = m_components->addGraph();
  for (int k = 0; k < m_components->graphCount(); ++k)
    m_components->graph(k)->setLineStyle(QCPGraph::lsNone);
  m_components->setFit([this] {
    double low = 0, high = 0, bottom = 0, top = 0;
    const auto reach = [&](const BatchGeometry::Point& p) {
      low = std::min(low, p.x), high = std::max(high, p.x);
      bottom = std::min(bottom, p.y), top = std::max(top, p.y);
    };
    for (const auto& p : m_geometry.before) reach(p);
    for (const auto& p : {m_geometry.clippedMean, m_geometry.noisyMean, m_geometry.zero}) reach(p);
    const double x = 0.06 * (high - low) + 1e-12, y = 0.06 * (top - bottom) + 1e-12;
    m_components->xAxis->setRange(low - x, high + x);
    m_components->yAxis->setRange(bottom - y, top + y);
  });
  m_components->setRecolour([this] { recolour(); });
  m_components->setHoverText([this](QPointF at) { return hoverText(at); });
  connect(m_components, &Plot::clicked, this, &GeometryPanel::selectNear);
  connect(m_components, &Plot::rectangleSelected, this, &GeometryPanel::selectIn);

  m_bars = new QCPBars(m_cosines->xAxis, m_cosines->yAxis);
  m_bars->setPen(Qt::NoPen);
  m_bars->setAntialiased(false);
  m_bars->setWidth(2.0 / bins);
  m_private = new QCPItemStraightLine(m_cosines);
  m_cosines->xAxis->setLabel(tr("cos(gᵢ, ḡ)"));
  m_cosines->yAxis->setLabel(tr("examples"));
  m_cosines->setFit([this] {
    const Index most = m_counts.empty() ? 1 : std::max<Index>(1, std::ranges::max(m_counts));
    m_cosines->xAxis->setRange(-1.02, 1.02);
    m_cosines->yAxis->setRange(0, 1.1 * static_cast<double>(most));
  });
  m_cosines->setHoverText([this](QPointF at) -> QString {
    const auto bin = static_cast<long>(std::floor((at.x() + 1) / 2 * bins));
    if (bin < 0 || bin >= static_cast<long>(m_counts.size())) return {};
    return tr("cosine %1 to %2\n%3 examples")
        .arg(shortNumber(-1 + 2.0 * static_cast<double>(bin) / bins, 3),
             shortNumber(-1 + 2.0 * static_cast<double>(bin + 1) / bins, 3))
        .arg(m_counts[static_cast<std::size_t>(bin)]);
  });
  connect(m_cosines, &Plot::clicked, this, [this](QPointF at, bool add) {
    const double bin = std::floor((at.x() + 1) / 2 * bins);
    std::vector<Index> chosen;
    for (std::size_t k = 0; k < m_geometry.cosines.size(); ++k)
      if (std::min<double>(bins - 1, std::floor((m_geometry.cosines[k] + 1) / 2 * bins)) == bin)
        chosen.push_back(exampleOf(k));
    if (add)
      this->selection()->add(chosen);
    else
      this->selection()->selectMany(chosen);
  });
  m_cosines->setRecolour([this] { recolour(); });
  recolour();
  connect(state, &WhatIfState::changed, this, [this] {
    if (record()) setRecord(record());
  });
  setEmptyText(tr("Opening…"));
}

void GeometryPanel::showRecord() {
  const StepRecord& r = *record();
  if (m_shown == record()) return setEmptyText(QString());
  const auto empty = [this](const QString& text) {
    m_shown.reset();
    setEmptyText(text);
    setSummary(QString());
  };
  if (!r.has(Phase::Clip)) return empty(tr("Go on to phase Clip to see directions."));
  if (r.batchSize() < 2) return empty(emptyBatchText(r, tr("Directions need two examples.")));
  if (r.norms->norms.examples() == 0)
    return empty(tr("The recording has no examples of this step."));
  if (m_state->record() != record() || !m_state->hasGram())
    return empty(noGradientsText(
        r, tr("Directions come at a pause, when the gradients have been compared.")));
  m_work.restart(
      [record = record(), gram = m_state->whatIf()->gram()](const std::stop_token& stop) -> Made {
        return {record, batchGeometry(*record, *gram, stop)};
      });
}

void GeometryPanel::take(const Made& made) {
  if (made.record != record()) return;
  m_shown = made.record;
  m_geometry = made.geometry;
  if (m_geometry.before.empty())
    return setEmptyText(tr("The gradients have no direction: all are 0."));
  setEmptyText(QString());
  const auto points = [](const std::vector<BatchGeometry::Point>& of, QCPGraph* graph) {
    QVector<double> x, y;
    for (const auto& p : of) x << p.x, y << p.y;
    graph->setData(x, y);
  };
  points(m_geometry.before, m_before);
  points(m_geometry.after, m_after);
  points({{0, 0}}, m_means[True]);
  points({m_geometry.clippedMean}, m_means[Clipped]);
  points({m_geometry.noisyMean}, m_means[Noisy]);
  points({m_geometry.zero}, m_means[Zero]);
  m_components->xAxis->setLabel(
      tr("first component, %1 of the variance").arg(percent(m_geometry.explained[0])));
  m_components->yAxis->setLabel(tr("second, %1").arg(percent(m_geometry.explained[1])));
  m_counts.assign(bins, 0);
  QVector<double> keys, values;
  for (const double c : m_geometry.cosines) {
    if (std::isnan(c)) continue;
    const double bin = std::clamp(std::floor((c + 1) / 2 * bins), 0.0, bins - 1.0);
    ++m_counts[static_cast<std::size_t>(bin)];
  }
  for (int k = 0; k < bins; ++k) {
    keys << -1 + (2.0 * k + 1) / bins;
    values << static_cast<double>(m_counts[static_cast<std::size_t>(k)]);
  }
  m_bars->setData(keys, values, true);
  m_private->setVisible(!std::isnan(m_geometry.privateCosine));
  m_private->point1->setCoords(m_geometry.privateCosine, 0);
  m_private->point2->setCoords(m_geometry.privateCosine, 1);
  const double priv = m_geometry.privateCosine, random = m_geometry.randomCosine;
  QString text = tr("The private gradient has a cosine of %1 with the mean of the batch (clipped, "
                    "before noise: %2); a random direction has 0 ± %3.")
                     .arg(shortNumber(priv, 3), shortNumber(m_geometry.clippedCosine, 3),
                          shortNumber(random, 2));
  if (std::abs(priv) < 2 * random)
    text += tr(" It cannot be told from a random one: the step is noise.");
  text +=
      std::isnan(m_geometry.noiseScale)
          ? tr(" The gradient noise scale is beyond what this batch can tell.")
          : tr(" Gradient noise scale: %1 examples.").arg(shortNumber(m_geometry.noiseScale, 3));
  m_verdict->setText(text);
  setSummary(tr("cos %1 (random ± %2)").arg(shortNumber(priv, 3), shortNumber(random, 2)));
  recolour();
  m_components->refit();
  m_cosines->refit();
  showSelection();
  m_cosines->queueReplot();
}

Index GeometryPanel::exampleOf(std::size_t entry) const {
  return m_shown->sample->examples[static_cast<std::size_t>(m_geometry.rows[entry])];
}

void GeometryPanel::showSelection() {
  QVector<double> x, y;
  if (m_shown)
    for (std::size_t k = 0; k < m_geometry.before.size(); ++k)
      if (selection()->contains(exampleOf(k)))
        for (const auto& p : {m_geometry.before[k], m_geometry.after[k]}) x << p.x, y << p.y;
  m_lit->setData(x, y);
  m_components->queueReplot();
}

std::size_t GeometryPanel::nearest(QPointF at) const {
  constexpr double reach = 9;  // pixels
  std::size_t found = m_geometry.rows.size();
  double least = reach * reach;
  for (const auto* points : {&m_geometry.before, &m_geometry.after})
    for (std::size_t k = 0; k < points->size(); ++k) {
      const double dx = m_components->xAxis->coordToPixel((*points)[k].x) -
                        m_components->xAxis->coordToPixel(at.x());
      const double dy = m_components->yAxis->coordToPixel((*points)[k].y) -
                        m_components->yAxis->coordToPixel(at.y());
      if (dx * dx + dy * dy >= least) continue;
      least = dx * dx + dy * dy;
      found = k;
    }
  return found;
}

void GeometryPanel::selectNear(QPointF at, bool add) {
  const std::size_t k = nearest(at);
  if (!m_shown || k == m_geometry.rows.size()) return;
  if (add)
    selection()->toggle(exampleOf(k));
  else
    selection()->select(exampleOf(k));
}

void GeometryPanel::selectIn(const QRectF& rectangle) {
  if (!m_shown) return;
  std::vector<Index> chosen;
  for (std::size_t k = 0; k < m_geometry.before.size(); ++k)
    if (rectangle.contains(m_geometry.before[k].x, m_geometry.before[k].y) ||
        rectangle.contains(m_geometry.after[k].x, m_geometry.after[k].y))
      chosen.push_back(exampleOf(k));
  selection()->add(chosen);
}

QString GeometryPanel::hoverText(QPointF at) const {
  const std::size_t k = nearest(at);
  if (!m_shown || k == m_geometry.rows.size()) return {};
  const Index row = m_geometry.rows[k];
  return tr("example %1\nnorm %2, clip factor %3\ncosine with the mean %4")
      .arg(exampleOf(k))
      .arg(shortNumber(m_shown->norms->global[static_cast<std::size_t>(row)]),
           shortNumber(m_shown->clip->factors.overallFactor(row)),
           shortNumber(m_geometry.cosines[k], 3));
}

void GeometryPanel::recolour() {
  const Theme& t = Theme::current();
  const auto dots = [](QColor colour, int alpha) {
    colour.setAlpha(alpha);
    return QCPScatterStyle(QCPScatterStyle::ssDisc, colour, 5);
  };
  m_before->setScatterStyle(dots(t.before, 150));
  m_after->setScatterStyle(dots(t.after, 170));
  const QColor colours[] = {t.ink, t.good, t.threshold, t.dim};
  const QCPScatterStyle::ScatterShape shapes[] = {
      QCPScatterStyle::ssPlus, QCPScatterStyle::ssDiamond, QCPScatterStyle::ssTriangle,
      QCPScatterStyle::ssCross};
  for (int k = 0; k < 4; ++k) {
    const bool isFilled = k == Clipped || k == Noisy;
    m_means[k]->setScatterStyle(QCPScatterStyle(shapes[k], QPen(isFilled ? t.panel : colours[k], 2),
                                                isFilled ? QBrush(colours[k]) : QBrush(Qt::NoBrush),
                                                isFilled ? 14 : 12));
  }
  m_lit->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(t.ink, 1.5), QBrush(Qt::NoBrush), 9));
  m_bars->setBrush(t.before);
  m_private->setPen(QPen(t.threshold, 2));
  const auto swatch = [](const QColor& colour, const QString& sign, const QString& text) {
    return QStringLiteral("<span style='color:%1'>%2</span>&nbsp;%3 &nbsp; ")
        .arg(colour.name(), sign, text);
  };
  m_legend->setText(swatch(t.before, QStringLiteral("●"), tr("before clipping")) +
                    swatch(t.after, QStringLiteral("●"), tr("after")) +
                    swatch(t.ink, QStringLiteral("✚"), tr("mean")) +
                    swatch(t.good, QStringLiteral("◆"), tr("clipped mean")) +
                    swatch(t.threshold, QStringLiteral("▲"), tr("noisy mean, and its cosine")) +
                    swatch(t.dim, QStringLiteral("✕"), tr("gradient 0")));
}

QString GeometryPanel::csv() const {
  std::string text("example,cosine,before_x,before_y,after_x,after_y\n");
  if (m_shown)
    for (std::size_t k = 0; k < m_geometry.before.size(); ++k) {
      text += std::to_string(exampleOf(k));
      for (const double value :
           {m_geometry.cosines[k], m_geometry.before[k].x, m_geometry.before[k].y,
            m_geometry.after[k].x, m_geometry.after[k].y}) {
        text += ',';
        if (!std::isnan(value)) appendNumber(text, value);
      }
      text += '\n';
    }
  return QString::fromStdString(text);
}

}  // namespace clipscope
