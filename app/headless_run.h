// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/training/experiment.h"

namespace clipscope {

/// Trains an experiment to its last step, or to Ctrl-C (or SIGTERM), and writes the folder `out`,
/// with pictures of the last step where `plots` asks for them. With a name for it, `recording` gets
/// every step while it lasts; what was recorded stays where the run fails.
/// Progress goes to stderr and a summary to stdout. Returns exitOk or exitInterrupted; throws Error
/// for what stops the run, and leaves no new folder then.
int runHeadless(const Experiment& experiment, const std::string& out, bool plots,
                const std::string& recording);

/// "clipscope-run-20260131-142501", with a number behind it where that is taken.
std::string newRunFolderName();

}  // namespace clipscope
