// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/session/example_history.h"
#include "engine/session/run_history.h"

namespace clipscope {

/// A branch as a history draws it: immutable.
struct BranchLine {
  int number = 0;
  int parent = -1;  ///< −1 for the root
  Index fork = 0;   ///< steps that it shares with its parent
  Index steps = 0;  ///< the newest whole step on it
  std::string name;
  /// Its first settings in words: what differs from those its parent went on with,
  /// "clipping.max_grad_norm 1 → 0.5"; empty for the root.
  std::string change;
  bool active = false;                ///< the run is on it
  std::optional<StepSummary> newest;  ///< of its own steps
  /// Of its own steps, fork + 1 …; empty for the active one, whose steps the history has.
  std::vector<StepSummary> own;
};

/// What became known of a run since one last asked: the steps 1 … `keep` are as they were, those
/// after it are void and replaced by these.
struct RunNews {
  Index keep = 0;
  std::vector<StepSummary> summaries;  ///< of the steps keep + 1, keep + 2, …
  /// Of the newest of those steps; the oldest may be missing where the ring has forgotten them.
  std::vector<std::shared_ptr<const StepDraws>> draws;
  /// Norms that were refreshed: of those steps, and of others where they came later.
  std::vector<std::shared_ptr<const NormRefresh>> refreshes;
  /// Evaluations of steps up to `keep`.
  std::vector<std::pair<Index, EvaluationPart>> evaluations;
  /// All branches, ascending; null where they are as they were.
  std::shared_ptr<const std::vector<BranchLine>> branches;

  void addTo(RunHistory& history) const;
  void addTo(ExampleHistory& history) const;
};

}  // namespace clipscope
