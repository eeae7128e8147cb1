// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/training/step_summary.h"

namespace clipscope {

/// What a run's steps cost one by one, from their summaries: the history that its accountant had
/// after each, without the run.
///   Poisson sampling    (σ, q) each step.
///   the same batch      (σ, 1) each step.
///   shuffled batches    (σ, 1) once an epoch, by the least σ of its steps so far: an example is in
///                       one batch of it at most.
class SpentHistory {
 public:
  /// The step after those before.
  void append(const StepSummary& summary);
  void append(std::span<const StepSummary> summaries);
  const std::vector<AccountedSteps>& entries() const { return m_entries; }

 private:
  std::vector<AccountedSteps> m_entries;
  bool m_isShuffled = false;  ///< the last step was
  Index m_epoch = -1;         ///< its epoch
  double m_epochSigma = 0;    ///< what that epoch was charged by
};

}  // namespace clipscope
