// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/accounting/planner.h"
#include "engine/training/experiment.h"

namespace clipscope {

/// q of an experiment on N training examples; B/N where batches have a fixed size.
double sampleRateOf(const Experiment& experiment, Index examples);
/// B.
double batchSizeOf(const Experiment& experiment, Index examples);

/// The budget of an experiment's accountant and δ, and what its batches are drawn by; `epsilon` is
/// left as it is. `dimension`: d, 0 where it is not known.
PlanSettings planSettings(const Experiment& experiment, Index examples, Index dimension);

/// What experiment.run.steps steps will be charged by, under its σ or the schedule of it. Empty
/// where a schedule would have to be followed over more than a million steps.
std::vector<AccountedSteps> plannedHistory(const Experiment& experiment, Index examples);

/// ε of plannedHistory() by the experiment's accountant and δ; NaN where that is empty.
double plannedEpsilonOf(const Experiment& experiment, Index examples);

/// The least σ that keeps experiment.run.steps steps to an ε. NaN where there is none, or where σ
/// follows a schedule.
double plannedSigma(const Experiment& experiment, Index examples, double epsilon);

}  // namespace clipscope
