// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/compare_plot.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/plots/number_format.h"
#include "ui/plots/threshold_handle.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

constexpr int histogramBins = 36;
constexpr double smallestShown = 1e-6;  // of the largest, on logarithmic axes

QString oneLine(QString name) { return name.replace(QLatin1Char('\n'), QLatin1Char(' ')); }

}  // namespace

ComparePlot::ComparePlot(Selection* selection, QWidget* parent)
    : Plot(tr("Two clippings of the same batch"), parent), m_selection(selection) {
  m_diagonal = new QCPItemStraightLine(this);
  m_diagonal->point1->setCoords(0, 0);
  m_diagonal->point2->setCoords(1, 1);
  m_before = new QCPBars(xAxis, yAxis);
  m_barsX = new QCPBars(yAxis, xAxis);
  m_barsY = new QCPBars(yAxis, xAxis);
  for (QCPBars* bars : {m_before, m_barsX, m_barsY}) {
    bars->setPen(Qt::NoPen);
    bars->setAntialiased(false);
  }
  m_barsX->setWidth(0.36);
  m_barsY->setWidth(0.36);
  for (QCPGraph** graph : {&m_stepX, &m_stepY, &m_dots, &m_lit}) *graph = addGraph();
  for (QCPGraph* step : {m_stepX, m_stepY}) {
    step->setLineStyle(QCPGraph::lsStepLeft);
    step->setAntialiased(false);
  }
  for (QCPGraph* dots : {m_dots, m_lit}) dots->setLineStyle(QCPGraph::lsNone);
  m_handle = new ThresholdHandle(this, tr("Clipping norm C"));
  m_handle->setMapping([](double x) { return std::pow(10.0, x); },
                       [](double value) { return std::log10(value); });
  setFit([this] { fitView(); });
  setRecolour([this] { recolour(); });
  setHoverText([this](QPointF at) { return hover(at); });
  recolour();
  connect(this, &Plot::clicked, this, &ComparePlot::select);
  connect(this, &Plot::rectangleSelected, this, &ComparePlot::selectIn);
}

void ComparePlot::recolour() {
  const Theme& t = Theme::current();
  QColor dot = t.after;
  dot.setAlpha(120);
  m_dots->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, dot, 5));
  m_lit->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssCircle, QPen(t.ink, 1.5), QBrush(t.good), 9));
  m_diagonal->setPen(QPen(t.dim, 1, Qt::DashLine));
  m_handle->recolour();
  m_before->setBrush(t.before);
  const QColor x = t.category(static_cast<int>(m_x)), y = t.category(static_cast<int>(m_y));
  m_barsX->setBrush(x);
  m_barsY->setBrush(y);
  m_stepX->setPen(QPen(x, 2));
  m_stepY->setPen(QPen(y, 2));
}

void ComparePlot::useScale(bool logarithmicX, bool logarithmicY) {
  const auto ticker = [](bool logarithmic) {
    return logarithmic ? QSharedPointer<QCPAxisTicker>(new PowerTicker)
                       : QSharedPointer<QCPAxisTicker>(new QCPAxisTicker);
  };
  xAxis->setTicker(ticker(logarithmicX));
  yAxis->setTicker(ticker(logarithmicY));
  yAxis->setRangeReversed(false);
}

void ComparePlot::showView(View view, const CompareSet& set, const WhatIfState& state,
                           std::size_t x, std::size_t y) {
  const bool other = view != m_view || x != m_x || y != m_y;
  m_view = view;
  m_x = x;
  m_y = y;
  m_nameX = oneLine(shortName(set.columns[x]));
  m_nameY = oneLine(shortName(set.columns[y]));
  m_points.clear();
  m_bars.clear();
  m_bins.clear();
  for (QCPGraph* graph : {m_dots, m_lit, m_stepX, m_stepY}) graph->data()->clear();
  for (QCPBars* bars : {m_barsX, m_barsY, m_before}) bars->data()->clear();
  m_diagonal->setVisible(false);
  recolour();
  if (set.numbers(x) && set.numbers(y)) {
    if (view == View::Layers)
      showLayers(set, state);
    else if (view == View::Histogram)
      showHistogram(set, state);
    else
      showPoints(set, state);
  }
  showThreshold(state);
  showSelection();
  // While C is dragged the axis stands still under the mouse.
  if (other)
    fit();
  else if (!m_handle->isDragging())
    refit();
}

void ComparePlot::showThreshold(const WhatIfState& state) {
  const bool isNorm = m_view == View::Norms || m_view == View::Histogram;
  m_handle->setShown(isNorm && state.rules().strategyName != "none");
  if (!isNorm) return;
  const bool several = state.rules().thresholds.size() > 1;
  m_handle->setReversible(state.isTrying());
  m_handle->setValue(
      state.maxGradNorm(),
      (several ? tr("√ΣC² %1") : tr("C %1")).arg(shortNumber(state.maxGradNorm(), 3)), several);
}

void ComparePlot::showPoints(const CompareSet& set, const WhatIfState& state) {
  const ClipFactors& fx = set.numbers(m_x)->factors;
  const ClipFactors& fy = set.numbers(m_y)->factors;
  const bool norms = m_view == View::Norms;
  m_log = norms || m_logFactors;
  QVector<double> keys, values;
  double high = norms ? 0 : 1, low = std::numeric_limits<double>::infinity();
  std::vector<Point> raw;
  for (Index i = 0; i < fx.examples(); ++i) {
    if (!fx.finite(i)) continue;
    const double x = norms ? fx.clippedNorm(i) : fx.overallFactor(i);
    const double y = norms ? fy.clippedNorm(i) : fy.overallFactor(i);
    raw.push_back({state.record()->sample->examples[static_cast<std::size_t>(i)], x, y});
    for (const double v : {x, y}) {
      high = std::max(high, v);
      if (v > 0) low = std::min(low, v);
    }
  }
  if (m_log) {
    // A length of 0 stands at the left edge, with those that are far below all others.
    low = std::max(std::min(low, high), high * smallestShown);
    if (!(high > 0)) low = high = 1;
    m_low = std::log10(low) - 0.1;
    m_high = std::log10(high) + 0.1;
  } else {
    m_low = 0;
    m_high = high;
  }
  for (Point p : raw) {
    if (m_log) {
      p.x = p.x > 0 ? std::max(std::log10(p.x), m_low) : m_low;
      p.y = p.y > 0 ? std::max(std::log10(p.y), m_low) : m_low;
    }
    m_points.push_back(p);
    keys << p.x;
    values << p.y;
  }
  m_dots->setData(keys, values);
  m_diagonal->setVisible(true);
  useScale(m_log, m_log);
  labelAxes();
}

void ComparePlot::labelAxes() {
  if (m_view != View::Norms && m_view != View::Factors) return;
  const QString quantity =
      m_view == View::Norms ? tr("norm after clipping, %1") : tr("clip factor, %1");
  const auto fitting = [&](const QString& name, int room) {
    const QString label = quantity.arg(name);
    return fontMetrics().horizontalAdvance(label) < room ? label : name;
  };
  xAxis->setLabel(fitting(m_nameX, axisRect()->width()));
  yAxis->setLabel(fitting(m_nameY, axisRect()->height()));
}

void ComparePlot::resizeEvent(QResizeEvent* event) {
  Plot::resizeEvent(event);
  labelAxes();
}

void ComparePlot::showLayers(const CompareSet& set, const WhatIfState& state) {
  const auto& tensorsX = set.numbers(m_x)->tensors;
  const auto& tensorsY = set.numbers(m_y)->tensors;
  QVector<double> keysX, keysY, valuesX, valuesY;
  m_tensors.clear();
  m_high = 1;
  for (std::size_t t = 0; t < tensorsX.size(); ++t) {
    const double x = tensorsX[t].retainedNorm, y = tensorsY[t].retainedNorm;
    m_bars.emplace_back(x, y);
    m_tensors.push_back(QString::fromStdString(state.record()->info->tensors[t]));
    const auto at = static_cast<double>(t);
    keysX << at - 0.19;
    keysY << at + 0.19;
    valuesX << (std::isfinite(x) ? x : 0);
    valuesY << (std::isfinite(y) ? y : 0);
    m_high = std::max({m_high, valuesX.back(), valuesY.back()});
  }
  m_barsX->setData(keysX, valuesX, true);
  m_barsY->setData(keysY, valuesY, true);
  xAxis->setTicker(QSharedPointer<QCPAxisTicker>(new QCPAxisTicker));
  const QSharedPointer<QCPAxisTickerText> names(new QCPAxisTickerText);
  // As many names as there is room for.
  const int room = std::max(1, height() - 60) / 15;
  const std::size_t every = (m_tensors.size() + static_cast<std::size_t>(room) - 1) /
                            static_cast<std::size_t>(std::max(1, room));
  for (std::size_t t = 0; t < m_tensors.size(); t += std::max<std::size_t>(1, every)) {
    QString name = m_tensors[t];
    name.replace(QStringLiteral(".weight"), QStringLiteral(".W"));
    name.replace(QStringLiteral(".bias"), QStringLiteral(".b"));
    names->addTick(static_cast<double>(t), name);
  }
  yAxis->setTicker(names);
  yAxis->setRangeReversed(true);
  xAxis->setLabel(tr("retained norm Σ‖clipped g‖/Σ‖g‖ by tensor"));
  yAxis->setLabel(QString());
}

void ComparePlot::showHistogram(const CompareSet& set, const WhatIfState& state) {
  const ClipFactors& fx = set.numbers(m_x)->factors;
  const ClipFactors& fy = set.numbers(m_y)->factors;
  const std::vector<double>& before = state.record()->norms->global;
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (Index i = 0; i < fx.examples(); ++i) {
    if (!fx.finite(i)) continue;
    for (const double n :
         {before[static_cast<std::size_t>(i)], fx.clippedNorm(i), fy.clippedNorm(i)}) {
      high = std::max(high, n);
      if (n > 0) low = std::min(low, n);
    }
  }
  if (!(high > 0)) return;
  low = std::max(low, high * smallestShown);
  m_low = std::log10(low);
  m_high = std::log10(high);
  if (m_high - m_low < 0.1) {
    m_low -= 0.5;
    m_high += 0.5;
  }
  m_bins.assign(histogramBins, {});
  const double width = (m_high - m_low) / histogramBins;
  const auto bin = [&](double n) -> Bin& {
    const double at = n > 0 ? (std::log10(n) - m_low) / width : 0;
    return m_bins[static_cast<std::size_t>(
        std::clamp(std::floor(at), 0.0, double{histogramBins - 1}))];
  };
  for (Index i = 0; i < fx.examples(); ++i) {
    if (!fx.finite(i)) continue;
    Bin& own = bin(before[static_cast<std::size_t>(i)]);
    ++own.before;
    own.examples.push_back(state.record()->sample->examples[static_cast<std::size_t>(i)]);
    ++bin(fx.clippedNorm(i)).x;
    ++bin(fy.clippedNorm(i)).y;
  }
  QVector<double> centres, edges, counts, countsX, countsY;
  for (std::size_t k = 0; k < m_bins.size(); ++k) {
    edges << m_low + static_cast<double>(k) * width;
    centres << edges.back() + width / 2;
    counts << static_cast<double>(m_bins[k].before);
    countsX << static_cast<double>(m_bins[k].x);
    countsY << static_cast<double>(m_bins[k].y);
  }
  edges << m_high;
  countsX << 0;
  countsY << 0;
  m_before->setWidth(width * 0.92);
  m_before->setData(centres, counts, true);
  m_stepX->setData(edges, countsX, true);
  m_stepY->setData(edges, countsY, true);
  useScale(true, false);
  xAxis->setLabel(tr("per-sample gradient norm ‖g‖₂"));
  yAxis->setLabel(tr("examples"));
}

void ComparePlot::fitView() {
  if (m_view == View::Layers) {
    xAxis->setRange(0, 1.02 * m_high);
    yAxis->setRange(-0.6, static_cast<double>(m_bars.size()) - 0.4);
  } else if (m_view == View::Histogram) {
    const double margin = 0.02 * (m_high - m_low);
    xAxis->setRange(m_low - margin, m_high + margin);
    Index most = 1;
    for (const Bin& bin : m_bins) most = std::max({most, bin.before, bin.x, bin.y});
    yAxis->setRange(0, 1.08 * static_cast<double>(most));
  } else {
    const double margin = 0.03 * (m_high - m_low);
    for (QCPAxis* axis : {xAxis, yAxis}) axis->setRange(m_low - margin, m_high + margin);
  }
}

void ComparePlot::showSelection() {
  QVector<double> keys, values;
  for (const Point& p : m_points) {
    if (!m_selection->contains(p.example)) continue;
    keys << p.x;
    values << p.y;
  }
  m_lit->setData(keys, values);
  queueReplot();
}

const ComparePlot::Point* ComparePlot::nearest(QPointF at, double pixels) const {
  const Point* best = nullptr;
  double least = pixels * pixels;
  const double x = xAxis->coordToPixel(at.x()), y = yAxis->coordToPixel(at.y());
  for (const Point& p : m_points) {
    const double dx = xAxis->coordToPixel(p.x) - x, dy = yAxis->coordToPixel(p.y) - y;
    if (dx * dx + dy * dy > least) continue;
    least = dx * dx + dy * dy;
    best = &p;
  }
  return best;
}

void ComparePlot::select(QPointF at, bool add) {
  if (m_view == View::Histogram && !m_bins.empty()) {
    const double k = std::floor((at.x() - m_low) / (m_high - m_low) * histogramBins);
    if (k < 0 || k >= histogramBins) return;
    const auto& examples = m_bins[static_cast<std::size_t>(k)].examples;
    add ? m_selection->add(examples) : m_selection->selectMany(examples);
    return;
  }
  const Point* point = nearest(at, 8);
  if (point && add)
    m_selection->toggle(point->example);
  else if (point)
    m_selection->select(point->example);
}

void ComparePlot::selectIn(QRectF rect) {
  std::vector<Index> examples;
  for (const Point& p : m_points)
    if (rect.contains(p.x, p.y)) examples.push_back(p.example);
  if (!examples.empty()) m_selection->add(std::move(examples));
}

QString ComparePlot::hover(QPointF at) const {
  const auto value = [&](double v) { return shortNumber(m_log ? std::pow(10.0, v) : v); };
  if (m_view == View::Layers) {
    const auto t = static_cast<Index>(std::lround(at.y()));
    if (t < 0 || t >= static_cast<Index>(m_bars.size())) return {};
    const auto& [x, y] = m_bars[static_cast<std::size_t>(t)];
    return tr("%1\nretained, %2: %3\nretained, %4: %5")
        .arg(m_tensors[static_cast<std::size_t>(t)], m_nameX, shortNumber(x), m_nameY,
             shortNumber(y));
  }
  if (m_view == View::Histogram) {
    const double k = std::floor((at.x() - m_low) / (m_high - m_low) * histogramBins);
    if (m_bins.empty() || k < 0 || k >= histogramBins) return {};
    const Bin& bin = m_bins[static_cast<std::size_t>(k)];
    const double width = (m_high - m_low) / histogramBins;
    return tr("norm %1 – %2\nbefore: %3 examples\n%4: %5\n%6: %7")
        .arg(shortNumber(std::pow(10.0, m_low + k * width)),
             shortNumber(std::pow(10.0, m_low + (k + 1) * width)))
        .arg(bin.before)
        .arg(m_nameX)
        .arg(bin.x)
        .arg(m_nameY)
        .arg(bin.y);
  }
  const Point* point = nearest(at, 8);
  if (!point) return {};
  return tr("example %1\n%2: %3\n%4: %5")
      .arg(point->example)
      .arg(m_nameX, value(point->x), m_nameY, value(point->y));
}

}  // namespace clipscope
