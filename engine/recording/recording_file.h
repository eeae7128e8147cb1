// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "engine/recording/recording_writer.h"
#include "engine/recording/step_rows.h"

namespace clipscope {

/// The file that a RecordingWriter has open: rows go in by transactions, and it knows whether it
/// still lies where it should. Errors are FileErrors that say why, without the path. The lock is
/// the caller's.
class RecordingFile {
 public:
  /// A new file, described. Throws FileError where there is one of this name.
  static std::unique_ptr<RecordingFile> create(const std::filesystem::path& path,
                                               const std::map<std::string, std::string>& meta,
                                               const RunInfo& info, const Experiment& experiment);
  /// A new file that describes the same run as another one: its branches, settings and groups,
  /// without steps and checkpoints. Throws FileError.
  static std::unique_ptr<RecordingFile> createLike(const std::filesystem::path& path,
                                                   const std::filesystem::path& other);
  /// Goes on with one. Throws FileError.
  static std::unique_ptr<RecordingFile> append(const std::filesystem::path& path);
  ~RecordingFile();
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  using Write = std::function<void(RecordingFile&)>;
  /// All of them or none. Throws FileError; it can be tried again.
  void commit(std::span<const Write> writes);
  /// Throws FileError where the file was deleted, replaced, or made read-only.
  void verify() const;
  /// Makes another file, at a place that is free, of what was committed. This one stays open.
  /// Throws FileError.
  std::unique_ptr<RecordingFile> copyTo(const std::filesystem::path& path);
  /// Moves the log into the file; it stays where a reader needs it. Throws FileError.
  void makeOneFile();
  /// Gives the file, which must be one, its final name, which must be free. Throws FileError.
  void rename(const std::filesystem::path& path);
  /// Closes and takes the files away, but for such as have come in their place.
  static void discard(std::unique_ptr<RecordingFile> file);

  // Of a transaction.
  SQLite::Database& database() { return *m_database; }
  void writeStep(int branch, const StepRecord& record, const RecordingLimits& limits);
  StepWriter& steps() { return *m_steps; }

  const std::filesystem::path& path() const { return m_path; }
  std::map<std::string, std::string> meta();
  RecordingWriter::Saved newest();
  Index stepCount();

 private:
  RecordingFile(std::filesystem::path path, std::unique_ptr<SQLite::Database> database);
  static std::unique_ptr<RecordingFile> make(const std::filesystem::path& path,
                                             const std::function<void(SQLite::Database&)>& describe,
                                             const std::filesystem::path& like = {});
  bool isAtItsPlace() const;
  void dropOldestBatches(Index limit);
  Index storedBatchBytes();

  std::filesystem::path m_path;
  std::unique_ptr<SQLite::Database> m_database;
  std::unique_ptr<StepWriter> m_steps;
  dev_t m_device = 0;
  ino_t m_inode = 0;
  Index m_batchBytes = -1;  ///< of the tables of examples; −1: not counted yet
};

}  // namespace clipscope
