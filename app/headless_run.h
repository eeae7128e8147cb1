// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/training/experiment.h"

namespace clipscope {

/// What a headless run leaves behind.
struct RunOutput {
  std::string folder;
  bool plots = true;       ///< pictures of the last step
  std::string recording;   ///< a new file that gets every step while it lasts; or ""
  Index segmentSteps = 0;  ///< steps to a numbered segment of the recording; 0: one file
  std::vector<std::string> breakpoints;  ///< conditions (break_condition.h) that end the run
  std::string profile;  ///< a file for the times of every step, as Chrome's trace events; or ""
};

/// Trains an experiment to its last step, or to Ctrl-C (or SIGTERM), and writes what `out` says.
/// Progress goes to stderr and a summary to stdout. Returns exitOk, exitInterrupted or, where a
/// breakpoint ended it, exitBroke: the rows are then of the whole steps before it. Throws Error
/// for what stops the run, and leaves no new folder then; what was recorded stays.
int runHeadless(const Experiment& experiment, const RunOutput& out);

/// Goes on with a recorded run and its recording, to step `steps` or to the last one that the run
/// was asked for. The folder has the steps made now. `data`: where the data lies now, if elsewhere.
int resumeHeadless(const std::string& recording, std::optional<Index> steps,
                   const std::optional<std::string>& data, const RunOutput& out);

/// "clipscope-run-20260131-142501", with a number behind it where that is taken.
std::string newRunFolderName();

}  // namespace clipscope
