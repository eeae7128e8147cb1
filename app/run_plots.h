// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "engine/training/step_record.h"
#include "ui/attachments.h"

namespace clipscope {

/// stepPlots() in a program without a window: starts Qt offscreen for it, in the light theme.
Attachments plotsWithoutDisplay(const std::shared_ptr<const StepRecord>& record);

}  // namespace clipscope
