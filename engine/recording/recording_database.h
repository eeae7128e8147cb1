// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace clipscope {

/// A new recording with a write-ahead log, made and described in one transaction: a reader finds
/// nothing, or all of it. Where `like` is another recording, `describe` finds its tables as
/// "other". Throws SQLite::Exception, and what `describe` throws.
std::unique_ptr<SQLite::Database> createRecording(
    const std::filesystem::path& path, const std::function<void(SQLite::Database&)>& describe,
    const std::filesystem::path& like = {});
/// One that was closed, or whose program was killed, to go on with. Throws SQLite::Exception, and
/// FileError (without the path) where it is no recording of this version.
std::unique_ptr<SQLite::Database> openRecordingForWriting(const std::filesystem::path& path);

/// What SQLite says, in other words where it has ones for its programmer.
std::string reasonOf(const SQLite::Exception& exception);

/// A connection that only reads, to a file that nobody vouches for: nothing in it runs, nothing is
/// written, and no query takes longer than it may.
class ReadConnection {
 public:
  /// Throws SQLite::Exception, and FileError (without the path) where it is no recording of this
  /// version.
  explicit ReadConnection(const std::filesystem::path& path);
  SQLite::Database& database() { return *m_database; }
  /// Queries are interrupted when this has passed from now.
  void allow(std::chrono::seconds time) { *m_until = std::chrono::steady_clock::now() + time; }

 private:
  void open(const std::filesystem::path& path);
  std::unique_ptr<std::chrono::steady_clock::time_point> m_until;
  std::unique_ptr<SQLite::Database> m_database;
};

}  // namespace clipscope
