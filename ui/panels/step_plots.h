// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "engine/training/step_record.h"
#include "ui/attachments.h"

namespace clipscope {

/// The panels' pictures and data of one step, as files of plots/, drawn without a window by the
/// panels that the window shows. Needs a QApplication, which may be offscreen.
Attachments stepPlots(const std::shared_ptr<const StepRecord>& record);

}  // namespace clipscope
