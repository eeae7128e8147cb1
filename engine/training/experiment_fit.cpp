// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/experiment_fit.h"

#include "engine/training/trainer_state.h"

namespace clipscope {

void checkFits(const Experiment& experiment, const Model& model, Index trainExamples) {
  RunInfo info;
  info.tensors = model.table().trainableNames();
  for (Index t = 0; t < model.table().trainableCount(); ++t)
    info.sizes.push_back(model.table().trainableInfo(t).size());
  info.datasetSize = trainExamples;
  StepRules(experiment, info);
}

}  // namespace clipscope
