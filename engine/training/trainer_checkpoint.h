// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/model/parameters.h"
#include "engine/optimizer/optimizer.h"
#include "engine/tensor/shape.h"
#include "engine/training/carried_state.h"
#include "engine/training/experiment.h"

namespace clipscope {

struct StepRules;

/// What one step hands to the next, apart from what optimiser and accountant keep for themselves.
/// The Trainer's state derives from it, so that a member added here is in every checkpoint; a
/// member that is large counts in TrainerCheckpoint::bytes(), and SavedCheckpoint needs it as well.
/// Everything else that a Trainer holds is fixed for the run, or made anew by each step.
struct RunningState {
  Index done = 0;                                ///< steps completed
  std::shared_ptr<const StepRules> rules;        ///< of the step under way, or just done
  std::shared_ptr<const Parameters> parameters;  ///< as they are now
  std::vector<double> medians;                   ///< of n_ik by group, from the last non-empty step
  CarriedState carried;                          ///< of adaptive thresholds and samplings
};

/// A Trainer between two steps. Immutable once made; parameters are shared, not copied.
struct TrainerCheckpoint {
  RunningState running;
  OptimizerState optimizer;
  std::vector<AccountedSteps> accounted;  ///< the accountant's history

  /// What it keeps alive, parameters included.
  Index bytes() const;
  /// The settings of the step just done; before the first, those that the run was made with.
  const Experiment& experiment() const;
};

/// The same as a file has it: values, and nothing that depends on a Trainer.
/// Trainer::checkpointFrom() makes a checkpoint of it again.
struct SavedCheckpoint {
  Index done = 0;
  Experiment experiment;
  AlignedVector<float> parameters;  ///< Parameters::flat(): frozen ones and padding included
  OptimizerState optimizer;
  std::vector<AccountedSteps> accounted;
  std::vector<double> medians;
  CarriedState carried;
};

}  // namespace clipscope
