// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/session/example_history.h"
#include "engine/session/run_history.h"

namespace clipscope {

/// What became known of a run since one last asked: the steps 1 … `keep` are as they were, those
/// after it are void and replaced by these.
struct RunNews {
  Index keep = 0;
  std::vector<StepSummary> summaries;  ///< of the steps keep + 1, keep + 2, …
  /// Of the newest of those steps; the oldest may be missing where the ring has forgotten them.
  std::vector<std::shared_ptr<const StepDraws>> draws;
  /// Evaluations of steps up to `keep`.
  std::vector<std::pair<Index, EvaluationPart>> evaluations;

  void addTo(RunHistory& history) const;
  void addTo(ExampleHistory& history) const;
};

}  // namespace clipscope
