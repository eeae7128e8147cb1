// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/training/experiment.h"

namespace clipscope {

/// Trains an experiment to its last step, or to Ctrl-C (or SIGTERM), and writes the folder `out`,
/// with pictures of the last step where `plots` asks for them.
/// Progress goes to stderr and a summary to stdout. Returns exitOk or exitInterrupted; throws Error
/// for what stops the run, and leaves no new folder then.
int runHeadless(const Experiment& experiment, const std::string& out, bool plots);

/// "clipscope-run-20260131-142501", with a number behind it where that is taken.
std::string newRunFolderName();

}  // namespace clipscope
