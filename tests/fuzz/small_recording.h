// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/training/trainer.h"

namespace clipscope::fuzz {

/// The bytes of a sound recording: four steps, two more on a branch of its own, three checkpoints,
/// evaluations, several groups, an adaptive threshold, an optimiser with buffers.
const std::string& smallRecording();

/// A trainer of that run, to take its checkpoints.
Trainer& smallTrainer();

}  // namespace clipscope::fuzz
