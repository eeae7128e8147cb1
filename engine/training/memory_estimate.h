// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/model.h"
#include "engine/training/experiment.h"

namespace clipscope {

/// What a run of an experiment takes, in bytes, apart from the data set and the libraries' own
/// needs; made of the sizes that the Trainer will ask for. True figures are within a factor of 1.5
/// once a model or a batch takes some MiB.
struct MemoryEstimate {
  Index parameters = 0;  ///< weights: as they are, as the step began, as they will be, and packed
  Index optimizer = 0;   ///< the optimiser's buffers
  Index sums = 0;        ///< clipped and unclipped sums of each thread and in all, noise
  Index records = 0;     ///< norms and factors of the batch
  Index running = 0;     ///< the blocks under way while it runs: at most a block's rows each
  Index stepping = 0;    ///< the whole batch's, kept while stepping by phase; 0: past the budget
  bool recomputes = false;  ///< stepping keeps nothing: the budget is too small for it

  Index fixed() const { return parameters + optimizer + sums + records; }
  Index whileRunning() const { return fixed() + running; }
  /// The blocks of the run are there as well.
  Index whileStepping() const { return fixed() + running + stepping; }
};

/// `model` as the experiment has it, with the physical batch that it was made for; `trainExamples`
/// N. The batch is the largest to expect: B + 4√B under Poisson sampling.
MemoryEstimate estimateMemory(const Experiment& experiment, const Model& model,
                              Index trainExamples);

}  // namespace clipscope
