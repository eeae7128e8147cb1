// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/training/step_summary.h"

namespace clipscope {

/// The summaries of every step of a run, in order and without a gap: steps() of them, for the steps
/// 1 … steps().
class RunHistory {
 public:
  Index steps() const { return static_cast<Index>(m_summaries.size()); }
  /// Of step 1 ≤ `step` ≤ steps().
  const StepSummary& at(Index step) const {
    return m_summaries[static_cast<std::size_t>(step - 1)];
  }
  const std::vector<StepSummary>& summaries() const { return m_summaries; }
  /// Rises with every change of what was known before: while it stays, steps were only appended.
  Index revision() const { return m_revision; }
  const StepSummary* newest() const { return m_summaries.empty() ? nullptr : &m_summaries.back(); }

  /// Adds step `summary.step`, which is at most steps() + 1; what was known from it on is dropped
  /// first.
  void append(const StepSummary& summary);
  /// Drops the steps after `step`.
  void truncate(Index step);
  /// An evaluation that came after its step was appended. Nothing happens for an unknown step.
  void setEvaluation(Index step, const EvaluationPart& evaluation);

 private:
  std::vector<StepSummary> m_summaries;
  Index m_revision = 0;
};

}  // namespace clipscope
