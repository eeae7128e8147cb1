// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// What a recording says of itself, read without trusting it: a file that someone sent.
struct RecordingInfo {
  struct BranchLine {
    int number = 0;
    int parent = -1;
    std::string name;
    Index fork = 0;   ///< steps shared with the parent
    Index steps = 0;  ///< the newest whole step
  };

  std::map<std::string, std::string> meta;
  std::shared_ptr<const LibraryRun> library;  ///< null for a run of this engine
  Experiment experiment;                      ///< of its first step
  Index steps = 0;                            ///< whole steps of the active branch
  Index tensors = 0;
  double epsilon = 0, loss = 0;  ///< of the active branch's last step; NaN where unknown
  double testAccuracy = 0;       ///< the last known of that branch's own steps; NaN for none
  int activeBranch = 0;
  std::vector<BranchLine> branches;
  Index checkpoints = 0;
  Index checkpointBytes = 0;
  Index bytes = 0;              ///< on the disk
  bool isBeingWritten = false;  ///< by another program, now
};

/// Reads it. Throws FileError: not there, not a recording, of a newer version, or damaged, each
/// with what to do.
RecordingInfo readRecordingInfo(const std::filesystem::path& path);

}  // namespace clipscope
