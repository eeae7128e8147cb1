// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/group_curves.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "ui/panels/tensor_label.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {
constexpr int widestName = 120;
constexpr Index curveBins = 256;
constexpr std::size_t few = 8;  // as many curves are drawn smooth
}  // namespace

void GroupCurves::show(const StepRecord& record, bool logarithmic) {
  const auto& groups = record.clip->groups;
  m_groups.clear();
  m_names.clear();
  const QFontMetrics metrics(m_plot->font());
  for (std::size_t k = 0; k < groups.size(); ++k) {
    m_groups.push_back(
        makeFactorHistogram(record, static_cast<Index>(k), logarithmic, curveBins, false));
    m_names.push_back(tensorLabel(QString::fromStdString(groups[k].name), metrics, widestName));
  }
  while (m_curves.size() < static_cast<qsizetype>(groups.size())) {
    QCPGraph* curve = m_plot->addGraph();
    curve->setLineStyle(QCPGraph::lsStepLeft);
    m_curves.append(curve);
    auto* label = new QCPItemText(m_plot);
    label->position->setType(QCPItemPosition::ptAxisRectRatio);
    label->setPositionAlignment(Qt::AlignLeft | Qt::AlignVCenter);
    label->setClipToAxisRect(false);
    m_labels.append(label);
  }
  // One axis for all: the smallest factor of any group begins it.
  double first = 0;
  for (const FactorHistogram& h : m_groups) first = std::min(first, h.edges.front());
  for (qsizetype k = 0; k < m_curves.size(); ++k) {
    const bool used = k < static_cast<qsizetype>(m_groups.size());
    m_curves[k]->setVisible(used);
    if (!used) continue;
    const FactorHistogram& h = m_groups[static_cast<std::size_t>(k)];
    m_curves[k]->setAntialiased(m_groups.size() <= few);
    // A step where a bin holds something; those at exactly 1 are the last.
    const double total = static_cast<double>(h.examples.size());
    QVector<double> keys{first}, values{static_cast<double>(h.zeros) / total};
    Index below = h.zeros;
    for (std::size_t bin = 0; bin < h.counts.size(); ++bin) {
      if (h.counts[bin] == 0) continue;
      below += h.counts[bin];
      keys << h.edges[bin + 1];
      values << static_cast<double>(below) / total;
    }
    if (h.oneStandsApart) {
      keys << (logarithmic ? 0.0 : 1.0);
      values << 1.0;
    }
    m_curves[k]->setData(keys, values, true);
  }
  recolour();
}

void GroupCurves::hide() {
  m_groups.clear();
  for (QCPGraph* curve : m_curves) curve->setVisible(false);
  for (QCPItemText* label : m_labels) label->setVisible(false);
}

void GroupCurves::recolour() {
  const Theme& theme = Theme::current();
  constexpr Qt::PenStyle dashes[] = {Qt::SolidLine, Qt::DashLine, Qt::DotLine, Qt::DashDotLine};
  for (qsizetype k = 0; k < m_curves.size(); ++k) {
    const QColor colour = theme.category(static_cast<int>(k));
    m_curves[k]->setPen(QPen(colour, 1, dashes[k / 5 % 4]));
    m_labels[k]->setColor(colour);
    m_labels[k]->setFont(m_plot->font());
  }
}

double GroupCurves::heightOf(const FactorHistogram& h) const {
  // Just below 1, where the curves of a threshold differ most; else in the middle of the picture.
  const bool threshold =
      std::all_of(m_groups.begin(), m_groups.end(), [](const auto& g) { return g.oneStandsApart; });
  const double at = threshold ? std::nextafter(1.0, 0.0) : h.value(m_plot->xAxis->range().center());
  const double share = h.cumulative(at);
  return std::isnan(share) ? 0 : share;
}

void GroupCurves::placeLabels() {
  const int height = std::max(1, m_plot->axisRect()->height());
  const double line = 14.0 / height;
  std::vector<std::size_t> order(m_groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return heightOf(m_groups[a]) > heightOf(m_groups[b]);
  });
  // As many names as have room; the hover text names the others.
  const auto room = static_cast<std::size_t>(std::max(1.0, std::floor(1 / line)));
  std::vector<double> places;
  const std::size_t every = (order.size() + room - 1) / room;
  std::vector<std::size_t> named;
  for (std::size_t k = 0; k < order.size(); k += std::max<std::size_t>(1, every))
    named.push_back(order[k]);
  const QCPRange range = m_plot->yAxis->range();
  for (const std::size_t k : named)
    places.push_back(1 - (heightOf(m_groups[k]) - range.lower) / range.size());
  // From the top down each is pushed below the one before, then the whole back up into the picture.
  for (std::size_t k = 1; k < places.size(); ++k)
    places[k] = std::max(places[k], places[k - 1] + line);
  double lowest = 1;
  for (std::size_t k = places.size(); k-- > 0;) {
    places[k] = std::min(places[k], lowest);
    lowest = places[k] - line;
  }
  for (QCPItemText* label : m_labels) label->setVisible(false);
  for (std::size_t k = 0; k < named.size(); ++k) {
    QCPItemText* label = m_labels[static_cast<qsizetype>(named[k])];
    label->setText(QLatin1Char(' ') + m_names[named[k]]);
    label->position->setCoords(1.0, places[k]);
    label->setVisible(true);
  }
}

int GroupCurves::labelWidth() const {
  const QFontMetrics metrics(m_plot->font());
  int widest = 0;
  for (const QString& name : m_names) widest = std::max(widest, metrics.horizontalAdvance(name));
  return widest + 12;
}

int GroupCurves::nearest(QPointF at, double pixels) const {
  constexpr double reach = 4;  // pixels to either side, where a curve may rise steeply
  int found = -1;
  double least = pixels;
  const double x = m_plot->xAxis->coordToPixel(at.x()), y = m_plot->yAxis->coordToPixel(at.y());
  const double left = m_plot->xAxis->pixelToCoord(x - reach);
  const double right = m_plot->xAxis->pixelToCoord(x + reach);
  for (std::size_t k = 0; k < m_groups.size(); ++k) {
    const FactorHistogram& h = m_groups[k];
    const double low = h.cumulative(h.value(left)), high = h.cumulative(h.value(right));
    if (std::isnan(low)) continue;
    const double bottom = m_plot->yAxis->coordToPixel(low);
    const double top = m_plot->yAxis->coordToPixel(high);
    const double distance = std::max({0.0, y - bottom, top - y});
    if (distance >= least) continue;
    least = distance;
    found = static_cast<int>(k);
  }
  return found;
}

}  // namespace clipscope
