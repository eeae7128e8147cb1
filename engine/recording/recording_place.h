// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "engine/recording/recording_file.h"
#include "engine/recording/recording_lock.h"

namespace clipscope {

/// Where a run is recorded: one file, or a series of segments (recording_segments.h), with the lock
/// that keeps others from writing there. Errors are FileErrors that say why, without the path.
class RecordingPlace {
 public:
  /// A new one. `segmentSteps`: of each segment; 0 for one file. Throws FileError where there is a
  /// recording of this name.
  static std::unique_ptr<RecordingPlace> create(const std::filesystem::path& path,
                                                const std::map<std::string, std::string>& meta,
                                                const RunInfo& info, const Experiment& experiment,
                                                Index segmentSteps);
  /// Goes on with one; with a series, where `path` is one or a segment of one: a segment that a
  /// killed program left open is closed, and the next one begun. `segmentSteps` 0: as before.
  /// Throws FileError, RecordingInUse.
  static std::unique_ptr<RecordingPlace> append(const std::filesystem::path& path,
                                                Index segmentSteps);

  RecordingFile& file() { return *m_file; }
  /// Steps that the open file may still take.
  Index stepsLeft() const {
    return m_segmentSteps == 0 ? std::numeric_limits<Index>::max() : m_segmentSteps - m_steps;
  }
  /// Steps were added to the open file.
  void count(Index steps) { m_steps += steps; }
  /// Closes the segment and begins the next. Throws FileError; it can be tried again.
  void nextSegment();
  /// To a file of another name, which must be free; the old one goes, or stays as a recording of
  /// its own. Throws FileError.
  void moveTo(const std::filesystem::path& path, bool keepOld);
  void close();
  /// Takes away what was written.
  void discard();

 private:
  RecordingPlace(std::filesystem::path path, Index segmentSteps);
  static std::unique_ptr<RecordingPlace> appendSeries(const std::filesystem::path& series,
                                                      Index segmentSteps);
  void closeSegment();

  std::filesystem::path m_path;  ///< of the file, or the series
  std::unique_ptr<RecordingLock> m_lock;
  std::unique_ptr<RecordingFile> m_file;
  Index m_segmentSteps = 0;
  int m_segment = 1;  ///< number of the open one
  Index m_steps = 0;  ///< in it
};

}  // namespace clipscope
