// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/error.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "engine/session/kept_checkpoints.h"

namespace clipscope {

/// The recording of a run cannot be written. The step that was done is done, and kept: the run can
/// go on when the file can be written again, has another place, or is given up.
class RecordingFailed : public FileError {
 public:
  using FileError::FileError;
};

/// A session's way to its recording: hands over what happens, decides when a checkpoint is due, and
/// reads back what memory has let go. What is handed over is kept where the file cannot be written:
/// check() says so. The other errors are those of RecordingWriter and RecordingReader.
class SessionRecorder {
 public:
  /// Of all checkpoints in the file together.
  static constexpr Index defaultBudget = Index{256} << 20;

  /// `known`: the checkpoints that the recording has.
  explicit SessionRecorder(std::unique_ptr<RecordingWriter> writer,
                           std::vector<RecordingReader::CheckpointPlace> known = {},
                           Index byteBudget = defaultBudget);

  const RecordingWriter& writer() const { return *m_writer; }

  /// Throws RecordingFailed where the file could not be written, and cannot now.
  void check();

  /// Waits until everything is in the file. Throws FileError.
  void flush() { m_writer->flush(); }

  /// A whole step of its owner.
  void stepped(int branch, const std::shared_ptr<const StepRecord>& record);
  /// True where a checkpoint after `done` steps on `branch` is worth its place: steps took more
  /// bytes than it would since the last one, or two seconds.
  bool wants(const BranchTree& tree, int branch, Index done, Index bytes) const;
  void add(int branch, std::shared_ptr<const TrainerCheckpoint> checkpoint);
  void addEvaluation(int branch, Index step, const EvaluationPart& evaluation);
  void addSettings(int branch, Index firstStep, std::shared_ptr<const Experiment> experiment);
  void addBranch(const Branch& branch);
  void renameBranch(int branch, const std::string& name);
  void removeBranches(const std::vector<int>& branches);
  /// The next step is of `branch`, which has so many: what was handed over is written first, and a
  /// checkpoint is due.
  void setActiveBranch(int branch, Index steps);
  /// The newest step of the active branch that is in the file.
  Index savedThrough() const;

  /// As KeptCheckpoints::atOrBefore.
  std::optional<RecordingReader::CheckpointPlace> atOrBefore(const BranchTree& tree, int branch,
                                                             Index done) const {
    return m_kept.atOrBefore(tree, branch, done);
  }
  SavedCheckpoint load(const RecordingReader::CheckpointPlace& place);
  /// A step as recorded; `branch` may be a descendant of its owner.
  std::shared_ptr<const StepRecord> read(int branch, Index step);

  void moveTo(std::filesystem::path path, bool keepOld);
  void close();
  void discard();

 private:
  template <class Body>
  void hand(Body&& body);
  RecordingReader& upToDate();

  std::unique_ptr<RecordingWriter> m_writer;
  std::unique_ptr<RecordingReader> m_reader;  ///< of the same file; made when something is read
  KeptCheckpoints m_kept;
  int m_branch = 0;
  Index m_savedBefore = 0;  ///< of the active branch, when it was made the active one
  Index m_bytes = 0;        ///< that steps took since the last checkpoint, about
  double m_seconds = 0;     ///< that they took
};

}  // namespace clipscope
