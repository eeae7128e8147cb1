// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/training/step_record.h"

namespace clipscope {

/// One sentence on what the last phase did, with the numbers of this batch, and what comes next.
QString phaseSentence(const StepRecord& record);

}  // namespace clipscope
