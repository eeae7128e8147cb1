// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/run_news.h"

namespace clipscope {

void RunNews::addTo(RunHistory& history) const {
  history.truncate(keep);
  for (const StepSummary& summary : summaries) history.append(summary);
  for (const auto& [step, evaluation] : evaluations) history.setEvaluation(step, evaluation);
}

void RunNews::addTo(ExampleHistory& history) const {
  history.truncate(keep);
  for (const auto& step : draws) history.append(step);
  for (const auto& refresh : refreshes) history.append(refresh);
}

}  // namespace clipscope
