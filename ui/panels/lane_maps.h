// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>
#include <utility>
#include <vector>

#include "engine/training/step_record.h"

class QGridLayout;
class QLabel;

namespace clipscope {

class LayersMap;
class Selection;

/// The Layers map of several runs at the same step, side by side on one scale of norms.
class LaneMaps : public QWidget {
  Q_OBJECT

 public:
  explicit LaneMaps(Selection* selection, QWidget* parent = nullptr);

  /// Name and record of each run; those whose norms are not known yet are said to be.
  void show(const std::vector<std::pair<QString, std::shared_ptr<const StepRecord>>>& runs);
  using QWidget::show;
  void showSelection();
  /// Those that have something to show.
  std::vector<const LayersMap*> maps() const;

 private:
  struct Place {
    QLabel* heading;
    LayersMap* map;
  };
  Selection* m_selection;
  QGridLayout* m_grid;
  QLabel* m_scale;
  std::vector<Place> m_places;
};

}  // namespace clipscope
