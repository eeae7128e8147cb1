// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/plan_map.h"

#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

/// At most about `most` labels for cells at equal distances.
template <class Values>
QSharedPointer<QCPAxisTicker> cellTicker(const Values& values, std::size_t most) {
  QSharedPointer<QCPAxisTickerText> ticker(new QCPAxisTickerText);
  const std::size_t every = std::max<std::size_t>(1, (values.size() + most - 1) / most);
  for (std::size_t k = 0; k < values.size(); k += every) {
    const double value = static_cast<double>(values[k]);
    ticker->addTick(static_cast<double>(k), value >= 100
                                                ? QString::number(std::round(value), 'f', 0)
                                                : QString::number(value, 'g', 3));
  }
  return ticker;
}

}  // namespace

QString planPointText(const PlanPoint& point) {
  if (std::isnan(point.sigma)) return PlanMap::tr("no σ keeps to the budget");
  return PlanMap::tr("σ %1 · σC√d/B %2 · σ/B %3")
      .arg(shortNumber(point.sigma, 3), shortNumber(point.noise, 3),
           shortNumber(point.perExample, 3));
}

PlanMap::PlanMap(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  m_plot = new Plot(tr("The plan: batch sizes and steps at one privacy budget"), this);
  column->addWidget(m_plot);
  m_map = new QCPColorMap(m_plot->xAxis, m_plot->yAxis);
  m_map->setInterpolate(false);
  m_map->setTightBoundary(false);
  m_scale = new QCPColorScale(m_plot);
  m_plot->plotLayout()->addElement(0, 1, m_scale);
  m_scale->setType(QCPAxis::atRight);
  m_scale->setBarWidth(10);
  m_scale->axis()->setTicker(QSharedPointer<PowerTicker>(new PowerTicker));
  m_map->setColorScale(m_scale);
  QCPColorGradient gradient;
  gradient.clearColorStops();
  for (int k = 0; k <= 16; ++k) gradient.setColorStopAt(k / 16.0, Theme::viridis(k / 16.0));
  gradient.setNanHandling(QCPColorGradient::nhTransparent);
  m_map->setGradient(gradient);
  auto* margins = new QCPMarginGroup(m_plot);
  m_plot->axisRect()->setMarginGroup(QCP::msBottom | QCP::msTop, margins);
  m_scale->setMarginGroup(QCP::msBottom | QCP::msTop, margins);
  for (QCPGraph** graph : {&m_run, &m_pick}) {
    *graph = m_plot->addGraph();
    (*graph)->setLineStyle(QCPGraph::lsNone);
  }
  m_plot->xAxis->setLabel(tr("batch size B"));
  m_plot->yAxis->setLabel(tr("steps T"));
  m_plot->setFit([this] {
    if (m_grid.points.empty()) return;
    m_plot->xAxis->setRange(-0.5, static_cast<double>(m_grid.batchSizes.size()) - 0.5);
    m_plot->yAxis->setRange(-0.5, static_cast<double>(m_grid.steps.size()) - 0.5);
  });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  connect(m_plot, &Plot::clicked, this, [this](QPointF at, bool) { pick(at); });
  recolour();
}

double PlanMap::value(const PlanPoint& point) const {
  switch (m_quantity) {
    case Quantity::Sigma:
      return point.sigma;
    case Quantity::Noise:
      return point.noise;
    case Quantity::PerExample:
      break;
  }
  return point.perExample;
}

void PlanMap::show(const PlanGrid& grid, double batchSize, std::int64_t steps) {
  m_grid = grid;
  m_runBatch = batchSize;
  m_runSteps = steps;
  m_picked.reset();
  m_pick->data()->clear();
  fill();
  m_plot->refit();
  emit pickedChanged();
}

void PlanMap::setQuantity(Quantity quantity) {
  m_quantity = quantity;
  fill();
}

void PlanMap::fill() {
  const std::size_t across = m_grid.batchSizes.size(), up = m_grid.steps.size();
  if (m_grid.points.empty()) return;
  m_map->data()->setSize(static_cast<int>(across), static_cast<int>(up));
  m_map->data()->setRange(QCPRange(0, static_cast<double>(across) - 1),
                          QCPRange(0, static_cast<double>(up) - 1));
  double low = INFINITY, high = -INFINITY;
  for (std::size_t s = 0; s < up; ++s)
    for (std::size_t b = 0; b < across; ++b) {
      const double v = value(m_grid.at(b, s));
      const double cell = v > 0 ? std::log10(v) : std::nan("");
      m_map->data()->setCell(static_cast<int>(b), static_cast<int>(s), cell);
      if (std::isnan(cell)) continue;
      low = std::min(low, cell);
      high = std::max(high, cell);
    }
  if (low > high) low = 0, high = 1;
  m_map->setDataRange(QCPRange(low, std::max(high, low + 1e-3)));
  m_scale->setLabel(m_quantity == Quantity::Sigma   ? tr("noise multiplier σ")
                    : m_quantity == Quantity::Noise ? tr("noise norm σC√d/B")
                                                    : tr("σ/B"));
  m_plot->xAxis->setTicker(cellTicker(m_grid.batchSizes, 8));
  m_plot->yAxis->setTicker(cellTicker(m_grid.steps, 8));
  const auto batch = std::ranges::find(m_grid.batchSizes, m_runBatch);
  const auto steps = std::ranges::find(m_grid.steps, m_runSteps);
  m_run->data()->clear();
  if (batch != m_grid.batchSizes.end() && steps != m_grid.steps.end())
    m_run->addData(static_cast<double>(batch - m_grid.batchSizes.begin()),
                   static_cast<double>(steps - m_grid.steps.begin()));
  m_plot->queueReplot();
}

void PlanMap::recolour() {
  const Theme& t = Theme::current();
  m_run->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssStar, QPen(Qt::white, 2), QBrush(Qt::NoBrush), 12));
  m_pick->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(Qt::white, 2), QBrush(Qt::NoBrush), 14));
  QCPAxis* axis = m_scale->axis();
  axis->setTickLabelColor(t.dim);
  axis->setLabelColor(t.ink);
  axis->setBasePen(Qt::NoPen);
  axis->setTickPen(QPen(t.edge));
  axis->setSubTickPen(Qt::NoPen);
  axis->setTickLabelFont(m_plot->font());
  axis->setLabelFont(m_plot->font());
}

const PlanPoint* PlanMap::pointAt(QPointF at) const {
  const double b = std::round(at.x()), s = std::round(at.y());
  if (b < 0 || s < 0 || b >= static_cast<double>(m_grid.batchSizes.size()) ||
      s >= static_cast<double>(m_grid.steps.size()))
    return nullptr;
  return &m_grid.at(static_cast<std::size_t>(b), static_cast<std::size_t>(s));
}

void PlanMap::pick(QPointF at) {
  const PlanPoint* point = pointAt(at);
  if (!point) return;
  m_picked = *point;
  m_pick->data()->clear();
  m_pick->addData(std::round(at.x()), std::round(at.y()));
  m_plot->queueReplot();
  emit pickedChanged();
}

QString PlanMap::hoverText(QPointF at) const {
  const PlanPoint* point = pointAt(at);
  if (!point) return {};
  return tr("B %1 (q %2), %3 steps\n%4")
             .arg(QString::number(point->batchSize, 'g', 4), percent(point->sampleRate))
             .arg(point->steps)
             .arg(planPointText(*point)) +
         tr("\nq = B/N; σ the least with ε(σ, q, steps) within the budget;\nnoise on the mean "
            "gradient "
            "σC√d/B, per example σ/B");
}

}  // namespace clipscope
