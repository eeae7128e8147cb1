// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/lane_maps.h"

#include <QGridLayout>
#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/panels/layers_map.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

LaneMaps::LaneMaps(Selection* selection, QWidget* parent)
    : QWidget(parent), m_selection(selection) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(4);
  m_grid = new QGridLayout;
  column->addLayout(m_grid, 1);
  m_scale = new QLabel(this);
  m_scale->setObjectName(QStringLiteral("hint"));
  m_scale->setTextFormat(Qt::RichText);
  m_scale->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  column->addWidget(m_scale);
  m_grid->setHorizontalSpacing(14);
  m_grid->setVerticalSpacing(2);
}

void LaneMaps::show(
    const std::vector<std::pair<QString, std::shared_ptr<const StepRecord>>>& runs) {
  while (m_places.size() < runs.size()) {
    const int at = static_cast<int>(m_places.size());
    Place place{new QLabel(this), new LayersMap(m_selection, this)};
    place.heading->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
    place.map->setCompact(true);
    place.map->setQuantity(LayersMap::Quantity::Norm);
    place.map->setMinimumSize(100, 34);
    const int columns = 3;
    m_grid->addWidget(place.heading, 2 * (at / columns), at % columns);
    m_grid->addWidget(place.map, 2 * (at / columns) + 1, at % columns);
    m_grid->setRowStretch(2 * (at / columns) + 1, 1);
    m_grid->setColumnStretch(at % columns, 1);
    m_places.push_back(place);
  }
  double low = 1e300, high = -1e300;
  for (std::size_t k = 0; k < m_places.size(); ++k) {
    const Place& place = m_places[k];
    const bool isThere = k < runs.size();
    place.heading->setVisible(isThere);
    place.map->setVisible(false);
    if (!isThere) continue;
    const auto& [name, record] = runs[k];
    place.map->setAccessibleName(tr("Norms by layer of %1").arg(name));
    if (!record || !record->norms || record->norms->norms.examples() == 0) {
      place.heading->setText(tr("%1: no norms at this phase").arg(name));
      continue;
    }
    place.heading->setText(tr("%1 · median norm %2").arg(name, shortNumber(record->norms->q50, 3)));
    place.map->setRecord(record);
    place.map->setVisible(true);
    const auto own = place.map->ownScale();
    low = std::min(low, own.first);
    high = std::max(high, own.second);
  }
  for (std::size_t k = 0; k < std::min(runs.size(), m_places.size()); ++k)
    if (!m_places[k].map->isHidden()) m_places[k].map->setScale(std::pair(low, high));
  QString ramp;
  for (int k = 0; k <= 12; ++k)
    ramp += QStringLiteral("<span style='color:%1'>█</span>").arg(Theme::viridis(k / 12.0).name());
  m_scale->setVisible(low <= high);
  m_scale->setText(
      tr("One scale of norms: %1 %2 %3")
          .arg(shortNumber(std::pow(10, low), 2), ramp, shortNumber(std::pow(10, high), 3)));
}

void LaneMaps::showSelection() {
  for (const Place& place : m_places) place.map->update();
}

std::vector<const LayersMap*> LaneMaps::maps() const {
  std::vector<const LayersMap*> shown;
  for (const Place& place : m_places)
    if (!place.map->isHidden()) shown.push_back(place.map);
  return shown;
}

}  // namespace clipscope
