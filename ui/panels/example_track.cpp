// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/example_track.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

ExampleTrack::ExampleTrack(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(2);
  m_heading = new QLabel(this);
  QFont bold = m_heading->font();
  bold.setBold(true);
  m_heading->setFont(bold);
  column->addWidget(m_heading);
  m_plot = new Plot(tr("Norm before and after clipping over the steps"), this);
  m_plot->setFixedHeight(112);
  m_plot->axisRect()->setMinimumMargins(QMargins(6, 8, 8, 4));
  column->addWidget(m_plot);
  m_before = m_plot->addGraph();
  m_after = m_plot->addGraph();
  for (QCPGraph* graph : {m_before, m_after}) graph->setLineStyle(QCPGraph::lsNone);
  m_plot->yAxis->setTicker(QSharedPointer<QCPAxisTicker>(new PowerTicker));
  m_plot->yAxis->setLabel(tr("norm"));
  m_plot->setFit([this] {
    double low = INFINITY, high = -INFINITY;
    for (const ExamplePoint& point : m_points)
      for (const double value : {point.before, point.after}) {
        if (!(value > 0) || !std::isfinite(value)) continue;
        low = std::min(low, std::log10(value));
        high = std::max(high, std::log10(value));
      }
    if (!(low <= high)) low = -1, high = 0;
    const double room = std::max(0.25, 0.1 * (high - low));
    m_plot->yAxis->setRange(low - room, high + room);
    const double first = m_points.empty() ? 0 : static_cast<double>(m_points.front().step);
    const double last = m_points.empty() ? 1 : static_cast<double>(m_points.back().step);
    const double side = std::max(0.6, 0.05 * (last - first));
    m_plot->xAxis->setRange(first - side, last + side);
  });
  m_factorPlot = new Plot(tr("Clip factor over the steps"), this);
  m_factorPlot->setFixedHeight(104);
  m_factorPlot->axisRect()->setMinimumMargins(QMargins(6, 8, 8, 4));
  column->addWidget(m_factorPlot);
  m_factor = m_factorPlot->addGraph();
  m_factorPlot->xAxis->setLabel(tr("step"));
  m_factorPlot->yAxis->setLabel(tr("factor"));
  m_factorPlot->yAxis->ticker()->setTickCount(2);
  m_factorPlot->setFit([this] {
    m_factorPlot->xAxis->setRange(m_plot->xAxis->range());
    // Automatic rules have factors above 1.
    double most = 1;
    for (const ExamplePoint& point : m_points)
      if (std::isfinite(point.factor)) most = std::max(most, point.factor);
    m_factorPlot->yAxis->setRange(0, 1.1 * most);
  });
  m_epsilonHeading = new QLabel(this);
  m_epsilonHeading->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_epsilonHeading->setToolTip(
      tr("What this example's own gradients used of the sensitivity, step by step (individual "
         "accounting, Yu et al. 2022, arXiv:2206.02617). Estimate: the last norm known, between "
         "draws; bound: all of C there. Private itself."));
  column->addWidget(m_epsilonHeading);
  m_epsilonPlot = new Plot(tr("ε of this example over the steps"), this);
  m_epsilonPlot->setFixedHeight(96);
  m_epsilonPlot->axisRect()->setMinimumMargins(QMargins(6, 8, 8, 4));
  column->addWidget(m_epsilonPlot);
  m_bound = m_epsilonPlot->addGraph();
  m_epsilon = m_epsilonPlot->addGraph();
  m_epsilonPlot->xAxis->setLabel(tr("step"));
  m_epsilonPlot->yAxis->setLabel(tr("ε"));
  m_epsilonPlot->yAxis->ticker()->setTickCount(3);
  m_epsilonPlot->setFit([this] {
    m_epsilonPlot->xAxis->setRange(m_plot->xAxis->range());
    double most = 0;
    for (const ExamplePoint& point : m_points)
      if (std::isfinite(point.epsilonBound)) most = std::max(most, point.epsilonBound);
    m_epsilonPlot->yAxis->setRange(0, most > 0 ? 1.1 * most : 1);
  });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at.x()); });
  m_factorPlot->setRecolour([this] { recolour(); });
  m_factorPlot->setHoverText([this](QPointF at) { return hoverText(at.x()); });
  m_epsilonPlot->setRecolour([this] { recolour(); });
  m_epsilonPlot->setHoverText([this](QPointF at) { return hoverText(at.x()); });
  recolour();
}

QString ExampleTrack::hoverText(double step) const {
  const auto nearest = std::ranges::min_element(m_points, {}, [&](const ExamplePoint& point) {
    return std::abs(static_cast<double>(point.step) - step);
  });
  if (nearest == m_points.end()) return {};
  QString text = tr("step %1\nnorm before %2, after %3\nclip factor %4, loss %5")
                     .arg(nearest->step)
                     .arg(shortNumber(nearest->before), shortNumber(nearest->after),
                          shortNumber(nearest->factor), shortNumber(nearest->loss));
  if (std::isfinite(nearest->epsilon))
    text += tr("\nε of this example %1, at most %2")
                .arg(shortNumber(nearest->epsilon, 3), shortNumber(nearest->epsilonBound, 3));
  return text;
}

void ExampleTrack::show(const std::vector<ExamplePoint>& points, Index steps) {
  m_points = points;
  m_heading->setText(points.size() == 1 && steps == 1
                         ? tr("Drawn in this step")
                         : tr("Drawn in %1 of %2 steps").arg(points.size()).arg(steps));
  QVector<double> steps1, before, steps2, after;
  for (const ExamplePoint& point : points) {
    if (point.before > 0 && std::isfinite(point.before)) {
      steps1 << static_cast<double>(point.step);
      before << std::log10(point.before);
    }
    if (point.after > 0 && std::isfinite(point.after)) {
      steps2 << static_cast<double>(point.step);
      after << std::log10(point.after);
    }
  }
  m_before->setData(steps1, before, true);
  m_after->setData(steps2, after, true);
  m_plot->refit();
  QVector<double> steps3, factors;
  for (const ExamplePoint& point : points) {
    if (!std::isfinite(point.factor)) continue;
    steps3 << static_cast<double>(point.step);
    factors << point.factor;
  }
  m_factor->setData(steps3, factors, true);
  m_factorPlot->refit();
  showEpsilon();
}

void ExampleTrack::showEpsilon() {
  QVector<double> steps, estimates, bounds;
  for (const ExamplePoint& point : m_points) {
    if (!std::isfinite(point.epsilon)) continue;
    steps << static_cast<double>(point.step);
    estimates << point.epsilon;
    bounds << point.epsilonBound;
  }
  m_epsilonHeading->setVisible(!steps.isEmpty());
  m_epsilonPlot->setVisible(!steps.isEmpty());
  if (steps.isEmpty()) return;
  m_epsilonHeading->setText(
      tr("ε of this example %1, at most %2")
          .arg(shortNumber(estimates.back(), 3), shortNumber(bounds.back(), 3)));
  m_epsilon->setData(steps, estimates, true);
  m_bound->setData(steps, bounds, true);
  m_epsilonPlot->fit();
  m_epsilonPlot->queueReplot();
}

QString ExampleTrack::heading() const { return m_heading->text(); }

void ExampleTrack::recolour() {
  const Theme& t = Theme::current();
  m_before->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, t.before, t.before, 5));
  m_after->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, t.after, t.after, 5));
  m_factor->setPen(QPen(t.after, 1.2, Qt::DotLine));
  m_factor->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, t.after, t.after, 5));
  m_epsilon->setPen(QPen(t.after, 1.8));
  m_epsilon->setScatterStyle(QCPScatterStyle(QCPScatterStyle::ssDisc, t.after, t.after, 4));
  m_bound->setPen(QPen(t.before, 1.4, Qt::DashLine));
}

}  // namespace clipscope
