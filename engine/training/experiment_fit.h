// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/model.h"
#include "engine/training/experiment.h"

namespace clipscope {

/// Throws SettingError where an experiment whose own values are in range does not fit this model
/// and N = `trainExamples`: groups that are no partition, a batch larger than the data, counts that
/// leave the gradients no noise. What a Trainer would say on apply(), without one.
void checkFits(const Experiment& experiment, const Model& model, Index trainExamples);

}  // namespace clipscope
