// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/lane_plot.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
/// More points than a plot has columns are drawn by the extremes of each column.
constexpr std::size_t mostPoints = 2000;
}  // namespace

LanePlot::LanePlot(const QString& title, double StepSummary::*value, bool isShare, QWidget* parent)
    : QWidget(parent), m_value(value), m_isShare(isShare), m_title(title) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  m_heading = new QLabel(tr("%1 over steps").arg(title), this);
  m_heading->setObjectName(QStringLiteral("hint"));
  m_heading->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  column->addWidget(m_heading);
  m_plot = new Plot(tr("%1 over the steps, by lane").arg(title), this);
  m_plot->setMinimumSize(70, 40);
  m_plot->xAxis->ticker()->setTickCount(4);
  m_plot->yAxis->ticker()->setTickCount(4);
  m_plot->axisRect()->setMinimumMargins(QMargins(4, 4, 6, 2));
  column->addWidget(m_plot, 1);
  m_mark = new QCPItemStraightLine(m_plot);
  m_band = std::make_unique<SpanBand>(m_plot);
  m_plot->setFit([this] {
    double low = INFINITY, high = -INFINITY;
    Index last = 1;
    for (const auto& points : m_points)
      for (const auto& [step, y] : points) {
        last = std::max(last, step);
        low = std::min(low, y);
        high = std::max(high, y);
      }
    m_plot->xAxis->setRange(0.5, static_cast<double>(last) + 0.5);
    if (m_isShare)
      m_plot->yAxis->setRange(-0.03, 1.03);
    else if (low <= high)
      m_plot->yAxis->setRange(low - 0.06 * (high - low) - 1e-9, high + 0.06 * (high - low) + 1e-9);
  });
  m_plot->setRecolour([this] { m_mark->setPen(QPen(Theme::current().dim, 1, Qt::DashLine)); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at.x()); });
  m_mark->setPen(QPen(Theme::current().dim, 1, Qt::DashLine));
}

void LanePlot::show(const std::vector<Run>& runs, Index step) {
  m_names.clear();
  m_points.assign(runs.size(), {});
  while (m_plot->graphCount() > static_cast<int>(runs.size()))
    m_plot->removeGraph(m_plot->graphCount() - 1);
  while (m_plot->graphCount() < static_cast<int>(runs.size())) m_plot->addGraph();
  for (std::size_t k = 0; k < runs.size(); ++k) {
    m_names.push_back(runs[k].name);
    auto& points = m_points[k];
    for (const StepSummary& summary : runs[k].history->summaries())
      if (const double y = summary.*m_value; std::isfinite(y)) points.emplace_back(summary.step, y);
    // Few are drawn as they are; of many every n-th group by its least and its greatest.
    QVector<double> x, y;
    const std::size_t group = std::max<std::size_t>(1, 2 * points.size() / mostPoints);
    for (std::size_t from = 0; from < points.size(); from += group) {
      const auto first = points.begin() + static_cast<std::ptrdiff_t>(from);
      const auto last =
          points.begin() + static_cast<std::ptrdiff_t>(std::min(from + group, points.size()));
      const auto [low, high] = std::minmax_element(
          first, last, [](const auto& a, const auto& b) { return a.second < b.second; });
      for (const auto& at : {std::min(low, high), std::max(low, high)}) {
        if (!x.isEmpty() && x.back() == static_cast<double>(at->first)) continue;
        x << static_cast<double>(at->first);
        y << at->second;
      }
    }
    QCPGraph* graph = m_plot->graph(static_cast<int>(k));
    graph->setData(x, y, true);
    graph->setPen(QPen(runs[k].colour, k == 0 ? 2.2 : 1.6));
    graph->setAntialiased(true);
    // A line of one point would not be seen.
    const bool isSparse = x.size() <= 40;
    graph->setScatterStyle(
        isSparse ? QCPScatterStyle(QCPScatterStyle::ssDisc, runs[k].colour, runs[k].colour, 4)
                 : QCPScatterStyle());
  }
  m_mark->point1->setCoords(static_cast<double>(step), 0);
  m_mark->point2->setCoords(static_cast<double>(step), 1);
  m_mark->setVisible(step > 0);
  m_plot->refit();
  m_plot->queueReplot();
}

void LanePlot::setSpan(const std::optional<std::pair<Index, Index>>& steps) {
  m_band->recolour();
  m_band->show(steps);
  m_plot->queueReplot();
}

QString LanePlot::hoverText(double at) const {
  QStringList lines;
  Index shown = 0;
  for (std::size_t k = 0; k < m_points.size(); ++k) {
    const auto& points = m_points[k];
    if (points.empty()) continue;
    const auto nearest = std::ranges::min_element(points, {}, [&](const auto& point) {
      return std::abs(static_cast<double>(point.first) - at);
    });
    shown = nearest->first;
    lines << tr("%1: %2").arg(
        m_names[k], m_isShare ? percent(nearest->second) : shortNumber(nearest->second, 4));
  }
  if (lines.isEmpty()) return {};
  lines.prepend(tr("step %1, %2").arg(shown).arg(m_title));
  return lines.join(QLatin1Char('\n'));
}

}  // namespace clipscope
