// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/panels/step_plots.h"

namespace clipscope {

/// stepPlots() in a program without a window: starts Qt offscreen for it, in the light theme.
Attachments plotsWithoutDisplay(const StepPlotsInput& input);

}  // namespace clipscope
