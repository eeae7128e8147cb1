// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/recording/recording_database.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/run_rows.h"
#include "engine/recording/step_rows.h"

namespace clipscope {

/// One file that a reader reads, a whole recording or a segment of one, and what is in it. Throws
/// SQLite::Exception, and FileError without the path.
class RecordingPart {
 public:
  /// Opens it and looks.
  explicit RecordingPart(std::filesystem::path path);

  /// What it says of the run; `branches` without their newest steps.
  struct Content {
    std::map<std::string, std::string> meta;
    std::shared_ptr<const RunInfo> info;
    std::vector<Branch> branches;
  };
  const Content& content() const { return m_content; }
  std::vector<RecordingReader::CheckpointPlace> checkpoints();
  /// The steps of `branch` that are in it, from the first to the last.
  struct Range {
    Index first = 0, last = 0;
    bool has(Index step) const { return first > 0 && first <= step && step <= last; }
  };
  Range range(int branch) const;

  StepReader& steps();
  SavedCheckpoint checkpoint(int branch, Index step);

  /// Looks again; false where nothing was committed since.
  bool look();
  /// Gives up the connection until it is asked something again.
  void rest();

  const std::filesystem::path& path() const { return m_path; }
  /// Its log included.
  Index bytes() const;

 private:
  SQLite::Database& database();
  void read();

  std::filesystem::path m_path;
  std::optional<ReadConnection> m_connection;
  std::optional<StepReader> m_steps;
  Index m_version = 0;
  Content m_content;
  ExperimentCache m_experiments;
  std::map<int, Range> m_ranges;
};

}  // namespace clipscope
