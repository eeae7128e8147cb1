// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/recording/branch_tree.h"
#include "engine/training/step_record.h"
#include "engine/training/step_summary.h"
#include "engine/training/trainer_checkpoint.h"

namespace clipscope {

/// Reads a recording, also while another process writes it, or numbered segments of one. A
/// recording is untrusted input: nothing in it runs, every size is checked before memory is taken,
/// and what does not fit is a FileError that names file, table and step and says what to do. It
/// holds no more than one step at a time, besides names, settings and the list of checkpoints.
///
/// Not thread-safe; each thread opens its own.
class RecordingReader {
 public:
  /// A recording, or any segment of one. Throws FileError: not there, not a recording, of a newer
  /// version, damaged.
  explicit RecordingReader(std::filesystem::path path);
  ~RecordingReader();
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  const std::filesystem::path& path() const;
  /// `meta`, by key; "" for one that is missing.
  const std::map<std::string, std::string>& meta() const;
  std::string meta(const std::string& key) const;
  /// Names and sizes, as the records have them.
  const std::shared_ptr<const RunInfo>& info() const;
  const BranchTree& tree() const;
  int activeBranch() const;
  /// Another process has it open for writing.
  bool isBeingWritten() const;
  /// Bytes on the disk, the log included.
  Index bytes() const;

  /// Scalars of the own steps of `branch` beyond step `after`, in order and without a gap.
  std::vector<StepSummary> summaries(int branch, Index after = 0) const;
  /// A whole step of `branch`, which may be its parent's, with phase Account done. Norms and
  /// factors have the precision of the file (float32), what follows from them is computed from
  /// those. Where its tables are gone (RecordingLimits) norms and factors are empty.
  std::shared_ptr<const StepRecord> step(int branch, Index step) const;

  struct CheckpointPlace {
    int branch = 0;  ///< its owner; step 0 is the root's
    Index step = 0;  ///< steps done
    Index bytes = 0;
  };
  std::vector<CheckpointPlace> checkpoints() const;
  SavedCheckpoint checkpoint(int branch, Index step) const;

  /// Looks for what was committed since the last look; true where tree(), activeBranch() or the
  /// steps changed. Within one look everything is of one commit.
  bool poll();

 private:
  struct State;
  std::unique_ptr<State> m_state;
};

}  // namespace clipscope
