// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "engine/training/step_record.h"

namespace clipscope {

/// Writes every step of a run into a recording (recording_format.md) from a thread of its own.
///
/// Steps are committed together, at the latest 100 ms after they were handed over: a program that
/// is killed has every step up to savedThrough() in its file. While it is open the file has a
/// write-ahead log beside it; close() leaves a single file.
///
/// Where the disk is full, or the file cannot be written any more, what was saved stays, the next
/// call throws FileError with the reason, and nothing further is taken.
class RecordingWriter {
 public:
  /// `meta`: what a reader should know of the run besides its settings, by key. Throws FileError
  /// where `path` exists already (nothing is ever overwritten) or cannot be made.
  RecordingWriter(std::filesystem::path path, const std::map<std::string, std::string>& meta,
                  const RunInfo& info, const Experiment& experiment);
  /// Closes; an error is lost here, so call close().
  ~RecordingWriter();
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  /// A whole step, in the order of steps. Waits where the writer is behind by `queueLength` steps.
  void add(std::shared_ptr<const StepRecord> record);
  /// The settings from step `firstStep` on.
  void addSettings(Index firstStep, const Experiment& experiment);
  /// Every step up to this one is in the file; 0 for none yet.
  Index savedThrough() const;
  /// Writes what is left and makes the recording one file.
  void close();

  const std::filesystem::path& path() const { return m_path; }
  static constexpr std::size_t queueLength = 64;

 private:
  class Thread;
  std::filesystem::path m_path;
  std::unique_ptr<Thread> m_thread;
};

}  // namespace clipscope
