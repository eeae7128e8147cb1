// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/training/step_record.h"

namespace clipscope {

/// How a batch came about, as half a sentence: "each with q = 0.1", "shuffled, epoch 3", "the same
/// each step".
QString drawNote(const SamplePart& sample);

/// A sentence on where an adaptive threshold goes, or why it stays; empty where C does not adapt.
QString thresholdNote(const StepRecord& record);

}  // namespace clipscope
