// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// The panels' pictures of one step as PNG files, by name ("norms.png"), drawn without a window by
/// the panels that the window shows. Needs a QApplication, which may be offscreen.
std::vector<std::pair<std::string, std::string>> stepPictures(
    const std::shared_ptr<const StepRecord>& record);

}  // namespace clipscope
