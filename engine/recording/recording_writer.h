// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/recording/branch_tree.h"
#include "engine/training/step_record.h"
#include "engine/training/trainer_checkpoint.h"

namespace clipscope {

/// Another process writes the recording now; it can be opened to look at.
class RecordingInUse : public FileError {
 public:
  using FileError::FileError;
};

/// What a file may take.
struct RecordingLimits {
  /// Of the tables of examples (batches): beyond it the oldest go, and their steps keep their
  /// scalars. 0: none go.
  Index batchBytes = 0;
  /// False: no tables of examples at all. What a secure run records must not tell who was drawn.
  bool examples = true;
  /// Steps to a numbered segment (recording_format.md); 0: one file.
  Index segmentSteps = 0;
};

/// Writes a run with its branches into a recording (recording_format.md) from a thread of its own.
///
/// What is handed over is committed together, at the latest 100 ms later: a program that is killed
/// has every step up to saved() in its file. While it is open the file has a write-ahead log and a
/// lock beside it; close() leaves a single file.
///
/// Where the disk is full, or the file was deleted, made read-only or cannot be written for another
/// reason, what was saved stays. The next call throws FileError with the reason, and keeps what it
/// was given: nothing further may be added until check() succeeds, which tries again, or moveTo()
/// has given the recording another place.
class RecordingWriter {
 public:
  /// A new file. `meta`: what a reader should know of the run besides its settings, by key. Throws
  /// FileError where `path` exists already (nothing is ever overwritten) or cannot be made.
  RecordingWriter(std::filesystem::path path, const std::map<std::string, std::string>& meta,
                  const RunInfo& info, const Experiment& experiment, RecordingLimits limits = {});
  /// Goes on with one that was closed, or whose program was killed. Throws FileError: not a
  /// recording, cannot be written, or written by another process now (RecordingInUse).
  static std::unique_ptr<RecordingWriter> append(std::filesystem::path path,
                                                 RecordingLimits limits = {});
  /// Closes; an error is lost here, so call close().
  ~RecordingWriter();
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  /// A whole step of `branch`, its owner, in the order of steps; an evaluation comes with it where
  /// the record has one. Waits where the writer is behind by `queueLength` items.
  void add(int branch, std::shared_ptr<const StepRecord> record);
  /// An evaluation that came after its step was added.
  void addEvaluation(int branch, Index step, const EvaluationPart& evaluation);
  /// The settings of `branch` from step `firstStep` on.
  void addSettings(int branch, Index firstStep, std::shared_ptr<const Experiment> experiment);
  /// A new branch with its settings.
  void addBranch(const Branch& branch);
  void renameBranch(int branch, std::string name);
  /// Removes branches with all that is theirs.
  void removeBranches(std::vector<int> branches);
  /// The branch that the run is on: where a reader begins.
  void setActiveBranch(int branch);
  void addCheckpoint(int branch, std::shared_ptr<const TrainerCheckpoint> checkpoint);
  void removeCheckpoint(int branch, Index step);

  /// Every step that was added up to this one, of this branch, is in the file.
  struct Saved {
    int branch = 0;
    Index step = 0;  ///< 0 for none yet
  };
  Saved saved() const;
  /// Throws FileError where writing has failed and fails again now. At once where it has not.
  void check();
  /// Waits until all that was handed over is committed. Throws as add().
  void flush();
  /// Gives the recording another place, which must not exist, and goes on there; also after a
  /// failure, with everything that was handed over. What lies at the old place goes, or with
  /// `keepOld` stays as a recording of its own. Throws FileError; it goes on where it was then.
  void moveTo(std::filesystem::path path, bool keepOld = false);
  /// Writes what is left and makes the recording one file.
  void close();
  /// Closes without a word, and removes the file.
  void discard();

  const std::filesystem::path& path() const { return m_path; }
  static constexpr std::size_t queueLength = 64;

 private:
  class Thread;
  RecordingWriter(std::filesystem::path path, std::unique_ptr<Thread> thread);
  std::filesystem::path m_path;
  std::unique_ptr<Thread> m_thread;
};

}  // namespace clipscope
