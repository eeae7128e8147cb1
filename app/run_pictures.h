// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// stepPictures() in a program without a window: starts Qt offscreen for it, in the light theme.
std::vector<std::pair<std::string, std::string>> picturesWithoutDisplay(
    const std::shared_ptr<const StepRecord>& record);

}  // namespace clipscope
