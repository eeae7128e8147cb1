// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "engine/training/step_summary.h"
#include "ui/theme.h"

namespace clipscope {

/// One number of a step that a chart of the history shows.
struct HistorySeries {
  enum class Kind {
    Line,    ///< bridges steps without a value
    Pieces,  ///< a line that ends where it has no value
    Points,  ///< a line through few steps, with its points marked: evaluations
    Dashed,
    Wide,   ///< the edge of a pale band; comes in pairs, lower then upper
    Narrow  ///< the same, of a darker band
  };

  QString name;  ///< "batch", in the legend and when hovering
  double StepSummary::*value;
  QColor (*colour)(const Theme&);
  Kind kind = Kind::Line;

  bool isBand() const { return kind == Kind::Wide || kind == Kind::Narrow; }
};

/// What one of the small plots shows.
struct HistoryChart {
  QString id;     ///< "loss", in settings
  QString title;  ///< "loss"
  std::vector<HistorySeries> series;
  bool isShare = false;  ///< from 0 to 1, shown in percent
  bool logarithmic = false;
  bool shownAtFirst = false;
  /// What the lines of other branches are of.
  double StepSummary::*overlaid = nullptr;
};

/// All of them, in the order of the menu.
const std::vector<HistoryChart>& historyCharts();

}  // namespace clipscope
