// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/run_history.h"

#include <cassert>

namespace clipscope {

void RunHistory::append(const StepSummary& summary) {
  assert(summary.step >= 1 && summary.step <= steps() + 1);
  truncate(summary.step - 1);
  m_summaries.push_back(summary);
}

void RunHistory::truncate(Index step) {
  if (step >= steps()) return;
  m_summaries.resize(static_cast<std::size_t>(step < 0 ? 0 : step));
  ++m_revision;
}

void RunHistory::setEvaluation(Index step, const EvaluationPart& evaluation) {
  if (step < 1 || step > steps()) return;
  StepSummary& summary = m_summaries[static_cast<std::size_t>(step - 1)];
  ++m_revision;
  summary.testLoss = evaluation.loss;
  summary.testAccuracy = evaluation.accuracy;
}

}  // namespace clipscope
