// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/norm_marks.h"

#include <algorithm>
#include <cmath>

#include "engine/training/diagnostics.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

constexpr double shares[] = {0.05, 0.25, 0.5, 0.75, 0.95};
constexpr int median = 2;

QCPItemText* addText(Plot* plot) {
  auto* text = new QCPItemText(plot);
  text->position->setTypeX(QCPItemPosition::ptPlotCoords);
  text->position->setTypeY(QCPItemPosition::ptAxisRectRatio);
  text->setClipToAxisRect(false);
  text->setLayer(QStringLiteral("legend"));  // over the bars
  text->setVisible(false);
  return text;
}

QCPItemStraightLine* addLine(Plot* plot) {
  auto* line = new QCPItemStraightLine(plot);
  line->setVisible(false);
  return line;
}

void put(QCPItemStraightLine* line, double x) {
  line->point1->setCoords(x, 0);
  line->point2->setCoords(x, 1);
}

}  // namespace

NormMarks::NormMarks(Plot* plot) : m_plot(plot) {
  for (std::size_t k = 0; k < std::size(shares); ++k) {
    m_lines.append(addLine(plot));
    m_texts.append(addText(plot));
  }
  for (int k = 0; k < 2; ++k) m_suggestions.append({addLine(plot), addText(plot), 0});
}

void NormMarks::showQuantiles(const NormHistogram& h, bool all, double threshold) {
  std::vector<double> sorted;
  for (const auto& example : h.examples) sorted.push_back(example.before);
  std::sort(sorted.begin(), sorted.end());
  const double from = h.edges.front(), range = h.edges.back() - from;
  for (int k = 0; k < m_lines.size(); ++k) {
    const double q = quantile(sorted, shares[k]);
    const double x = h.position(q);
    const bool drawable = std::isfinite(x) && (all || k == median);
    m_lines[k]->setVisible(drawable);
    m_texts[k]->setVisible(drawable);
    if (!drawable) continue;
    put(m_lines[k], x);
    m_texts[k]->setText(k == median ? Plot::tr(" median %1 ").arg(shortNumber(q, 3))
                                    : Plot::tr(" %1 % ").arg(100 * shares[k]));
    // On the side away from the threshold and its bar, where that side has the room.
    bool right = x < from + 0.75 * range;
    if (h.position(threshold) > x && x > from + 0.25 * range) right = false;
    // Others below the median's, each a line lower: they may stand close to each other.
    m_texts[k]->position->setCoords(x, k == median ? 0.26 : 0.5 + 0.09 * (k < median ? k : k - 1));
    m_texts[k]->setPositionAlignment((right ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  }
}

void NormMarks::showSuggestions(const NormHistogram& h, double bound, double exact) {
  const double values[] = {bound, exact};
  const QString names[] = {Plot::tr(" bound %1 "), Plot::tr(" exact %1 ")};
  const double from = h.edges.front(), range = h.edges.back() - from;
  for (int k = 0; k < 2; ++k) {
    Suggestion& s = m_suggestions[k];
    const double x = h.position(values[k]);
    // Only where the norms are: it must not stretch the axis.
    const bool drawable = std::isfinite(x) && x >= from && x <= h.edges.back();
    s.line->setVisible(drawable);
    s.text->setVisible(drawable);
    s.value = values[k];
    if (!drawable) continue;
    put(s.line, x);
    s.text->setText(names[k].arg(shortNumber(values[k], 3)));
    // A line of text apart, however low the plot is.
    const double line = 16.0 / std::max(60, s.text->parentPlot()->axisRect()->height());
    s.text->position->setCoords(x, 0.36 + std::max(0.09, line) * k);
    const bool right = x < from + 0.75 * range;
    s.text->setPositionAlignment((right ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignVCenter);
  }
}

std::optional<double> NormMarks::suggestionAt(QPointF pixel) const {
  for (const Suggestion& s : m_suggestions)
    if (s.text->visible() &&
        QRectF(s.text->topLeft->pixelPosition(), s.text->bottomRight->pixelPosition())
            .contains(pixel))
      return s.value;
  return std::nullopt;
}

void NormMarks::recolour() {
  const Theme& t = Theme::current();
  QColor veil = t.panel;
  veil.setAlpha(210);
  for (int k = 0; k < m_lines.size(); ++k) {
    m_lines[k]->setPen(QPen(t.dim, 1, k == median ? Qt::DashLine : Qt::DotLine));
    m_texts[k]->setColor(t.dim);
    m_texts[k]->setFont(m_plot->font());
    m_texts[k]->setBrush(veil);
  }
  for (Suggestion& s : m_suggestions) {
    s.line->setPen(QPen(t.good, 1, Qt::DashDotLine));
    s.text->setColor(t.good);
    s.text->setFont(m_plot->font());
    s.text->setBrush(veil);
  }
}

}  // namespace clipscope
