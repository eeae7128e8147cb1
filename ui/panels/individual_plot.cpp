// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/individual_plot.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "engine/training/diagnostics.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr std::size_t bins = 60;
}

IndividualPlot::IndividualPlot(Selection* selection, QWidget* parent)
    : QWidget(parent), m_selection(selection), m_estimates(bins), m_bounds(bins) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(2);
  m_legend = new QLabel(this);
  m_legend->setTextFormat(Qt::RichText);
  m_legend->setWordWrap(true);
  m_legend->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  m_legend->setToolTip(
      tr("ε of one example by what its own clipped gradients used of the sensitivity, at every "
         "step, drawn or not. Its norm is known when it was drawn, and at steps that refreshed the "
         "norms of all examples (Run settings). In between the estimate takes the last norm known; "
         "the bound charges the whole sensitivity. Both depend on the data and are private "
         "themselves."));
  column->addWidget(m_legend);
  m_plot = new Plot(tr("How ε of single examples is spread"), this);
  column->addWidget(m_plot, 1);
  m_bars = new QCPBars(m_plot->xAxis, m_plot->yAxis);
  m_bars->setPen(Qt::NoPen);
  m_bars->setAntialiased(false);
  m_outline = m_plot->addGraph();
  m_outline->setLineStyle(QCPGraph::lsStepLeft);
  m_outline->setAntialiased(false);
  m_selected = m_plot->addGraph();
  m_selected->setLineStyle(QCPGraph::lsNone);
  m_worst = new QCPItemStraightLine(m_plot);
  m_worstText = new QCPItemText(m_plot);
  m_worstText->position->setTypeX(QCPItemPosition::ptPlotCoords);
  m_worstText->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
  m_worstText->setPositionAlignment(Qt::AlignRight | Qt::AlignTop);
  m_plot->xAxis->setLabel(tr("ε of one example"));
  m_plot->yAxis->setLabel(tr("examples"));
  m_plot->setFit([this] {
    if (m_examples.empty()) return;
    const Index most = std::max(std::ranges::max(m_estimates), std::ranges::max(m_bounds));
    m_plot->xAxis->setRange(0, 1.04 * static_cast<double>(bins) * binWidth());
    m_plot->yAxis->setRange(0, 1.15 * static_cast<double>(std::max<Index>(1, most)));
  });
  m_plot->setRecolour([this] { recolour(); });
  m_plot->setHoverText([this](QPointF at) { return hoverText(at); });
  recolour();
}

double IndividualPlot::binWidth() const {
  const double worst = m_privacy.worst;
  return (worst > 0 && std::isfinite(worst) ? worst : 1) * (1 + 1e-9) / static_cast<double>(bins);
}

void IndividualPlot::show(const IndividualPrivacy& privacy, std::vector<Index> examples) {
  m_privacy = privacy;
  m_examples = std::move(examples);
  m_estimates.assign(bins, 0);
  m_bounds.assign(bins, 0);
  m_bars->setWidth(binWidth());
  std::vector<double> estimates;
  for (const Index example : m_examples) {
    const auto i = static_cast<std::size_t>(example);
    const auto binOf = [&](double epsilon) {
      return std::min(bins - 1, static_cast<std::size_t>(epsilon / binWidth()));
    };
    if (!std::isfinite(m_privacy.estimate[i])) continue;
    ++m_estimates[binOf(m_privacy.estimate[i])];
    ++m_bounds[binOf(m_privacy.bound[i])];
    estimates.push_back(m_privacy.estimate[i]);
  }
  std::ranges::sort(estimates);
  m_median = estimates.empty() ? notANumber : quantile(estimates, 0.5);
  QVector<double> keys, edges, counts, bounds;
  for (std::size_t k = 0; k < bins; ++k) {
    keys << (static_cast<double>(k) + 0.5) * binWidth();
    edges << static_cast<double>(k) * binWidth();
    counts << static_cast<double>(m_estimates[k]);
    bounds << static_cast<double>(m_bounds[k]);
  }
  edges << static_cast<double>(bins) * binWidth();
  bounds << 0;
  m_bars->setData(keys, counts, true);
  m_outline->setData(edges, bounds, true);
  m_worst->point1->setCoords(m_privacy.worst, 0);
  m_worst->point2->setCoords(m_privacy.worst, 1);
  m_worstText->position->setCoords(m_privacy.worst, 0.02);
  m_worstText->setText(tr("all of C at every step: %1 ").arg(shortNumber(m_privacy.worst, 3)));
  m_plot->refit();
  showSelection();
}

void IndividualPlot::showSelection() {
  QVector<double> keys, values;
  for (const Index example : m_selection->examples()) {
    const auto i = static_cast<std::size_t>(example);
    if (i >= m_privacy.estimate.size() || !std::isfinite(m_privacy.estimate[i])) continue;
    keys << m_privacy.estimate[i];
    values << 0;
  }
  m_selected->setData(keys, values);
  m_plot->queueReplot();
}

void IndividualPlot::recolour() {
  const Theme& t = Theme::current();
  m_bars->setBrush(t.after);
  m_outline->setPen(QPen(t.before, 1.5));
  m_selected->setScatterStyle(
      QCPScatterStyle(QCPScatterStyle::ssTriangle, QPen(t.panel, 1), QBrush(t.ink), 11));
  m_worst->setPen(QPen(t.threshold, 1.5, Qt::DashLine));
  m_worstText->setColor(t.threshold);
  m_worstText->setFont(m_plot->font());
  m_legend->setText(QStringLiteral("<span style='color:%1'>■</span>&nbsp;%2 &nbsp; <span "
                                   "style='color:%3'>━</span>&nbsp;%4")
                        .arg(t.after.name(), tr("estimate, by the last norm seen"), t.before.name(),
                             tr("bound, C where no norm was seen")));
}

QString IndividualPlot::hoverText(QPointF at) const {
  if (m_examples.empty() || at.x() < 0) return {};
  const auto bin = static_cast<std::size_t>(at.x() / binWidth());
  if (bin >= bins) return {};
  return tr("ε from %1 to %2\n%3 examples by the estimate\n%4 by the bound")
             .arg(shortNumber(static_cast<double>(bin) * binWidth(), 3),
                  shortNumber(static_cast<double>(bin + 1) * binWidth(), 3))
             .arg(m_estimates[bin])
             .arg(m_bounds[bin]) +
         tr("\nσ_i = (Σ_k ‖f_ik g_ik‖²/s_k²)^(−1/2) in each step, drawn or not\nYu et al. 2022, "
            "arXiv:2206.02617");
}

}  // namespace clipscope
