// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/training/experiment.h"

namespace clipscope {

/// What a recording says of itself, read without trusting it: a file that someone sent.
struct RecordingInfo {
  std::map<std::string, std::string> meta;
  Experiment experiment;  ///< of its first step
  Index steps = 0;        ///< whole steps
  Index tensors = 0;
  double epsilon = 0, loss = 0;  ///< of the last step; NaN where unknown
  double testAccuracy = 0;       ///< the last known; NaN for none
  Index bytes = 0;               ///< of the file
  bool open = false;             ///< a log lies beside it: being written, or its program was killed
};

/// Reads it. Throws FileError: not there, not a recording, of a newer version, or damaged, each
/// with what to do.
RecordingInfo readRecordingInfo(const std::filesystem::path& path);

}  // namespace clipscope
