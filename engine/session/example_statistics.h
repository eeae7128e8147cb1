// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <limits>
#include <span>
#include <vector>

#include "engine/session/example_history.h"

namespace clipscope {

/// What became of one example over the steps that are remembered. NaN where nothing is known of it.
struct ExampleStatistics {
  Index example = 0;  ///< dataset index
  Index draws = 0;
  Index clipped = 0;             ///< draws that it was clipped in
  double meanNorm = notANumber;  ///< of n_i over its draws
  double largestNorm = notANumber;
  double meanFactor = notANumber;  ///< of ‖clipped g_i‖/n_i
  double lastLoss = notANumber;
  Index lastStep = 0;
  double lastNorm =
      notANumber;  ///< of the newest draw, or of a later step that refreshed all norms

  double clippedShare() const {
    return draws == 0 ? notANumber : static_cast<double>(clipped) / static_cast<double>(draws);
  }
};

/// A class over the same steps; every number is of draws, not of examples.
struct ClassStatistics {
  int label = 0;
  Index examples = 0;  ///< that were drawn at least once
  Index draws = 0;
  double clippedShare = notANumber, meanNorm = notANumber, meanFactor = notANumber,
         meanLoss = notANumber;
};

/// Steps to look at; all that are remembered where it is left as it is.
struct StepSpan {
  Index first = 1, last = std::numeric_limits<Index>::max();
  bool has(Index step) const { return step >= first && step <= last; }
};

/// Of every example of a data set of `examples`, in order. Draws whose gradient was not finite
/// count as clipped; their norms are left out.
std::vector<ExampleStatistics> exampleStatistics(const ExampleHistory& history, Index examples,
                                                 const StepSpan& span = {});

/// By class: `labels` of the whole data set, −1 for none; classes 0 … `classes` − 1.
std::vector<ClassStatistics> classStatistics(const ExampleHistory& history,
                                             std::span<const int> labels, int classes,
                                             const StepSpan& span = {});

}  // namespace clipscope
