// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/plots/span_band.h"

#include "ui/plots/plot.h"
#include "ui/theme.h"

namespace clipscope {

SpanBand::SpanBand(Plot* plot) : m_band(new QCPItemRect(plot)) {
  m_band->setLayer(QStringLiteral("background"));
  m_band->setPen(Qt::NoPen);
  for (QCPItemPosition* corner : {m_band->topLeft, m_band->bottomRight})
    corner->setTypeY(QCPItemPosition::ptAxisRectRatio);
  m_band->setVisible(false);
  recolour();
}

void SpanBand::show(const std::optional<std::pair<Index, Index>>& steps) {
  m_band->setVisible(steps.has_value());
  if (!steps) return;
  // Steps are points: the band reaches half a step beyond them.
  m_band->topLeft->setCoords(static_cast<double>(steps->first) - 0.5, 0);
  m_band->bottomRight->setCoords(static_cast<double>(steps->second) + 0.5, 1);
}

void SpanBand::recolour() { m_band->setBrush(Theme::current().selection); }

}  // namespace clipscope
