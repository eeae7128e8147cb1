// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/training/experiment.h"

namespace clipscope {

/// What a headless run leaves behind.
struct RunOutput {
  std::string folder;
  bool plots = true;      ///< pictures of the last step
  std::string recording;  ///< a new file that gets every step while it lasts; or ""
  std::string profile;    ///< a file for the times of every step, as Chrome's trace events; or ""
};

/// Trains an experiment to its last step, or to Ctrl-C (or SIGTERM), and writes what `out` says.
/// Progress goes to stderr and a summary to stdout. Returns exitOk or exitInterrupted; throws Error
/// for what stops the run, and leaves no new folder then; what was recorded stays.
int runHeadless(const Experiment& experiment, const RunOutput& out);

/// "clipscope-run-20260131-142501", with a number behind it where that is taken.
std::string newRunFolderName();

}  // namespace clipscope
