// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_database.h"

#include <sqlite3.h>

#include <map>

#include "engine/error.h"
#include "engine/recording/recording_schema.h"
#include "engine/recording/row_access.h"

namespace clipscope {

namespace {

/// Nothing in the file may run, and no lie of its schema be believed.
void distrust(SQLite::Database& database) {
  sqlite3* handle = database.getHandle();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1'000'000'000);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1 << 16);
  database.exec("PRAGMA cell_size_check = ON");
  database.exec("PRAGMA mmap_size = 0");
}

Index pragma(SQLite::Database& database, const char* name) {
  SQLite::Statement query(database, std::string("PRAGMA ") + name);
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

/// Its tables are to the letter those of this version: there is no view, trigger, default or
/// generated column that could run.
void checkIdentity(SQLite::Database& database) {
  // One look: between two a writer may have made the file.
  const SQLite::Transaction look(database);
  const Index identity = pragma(database, "application_id");
  if (identity == 0 && pragma(database, "schema_version") == 0)
    throw FileError(
        "holds nothing yet; where a run has just begun to write it, open it again in a moment");
  if (identity != recordingApplicationId)
    throw FileError("is a database, but not a recording of Clipscope");
  const Index version = pragma(database, "user_version");
  if (version < oldestRecordingVersion || version > recordingVersion)
    throw FileError("is a recording of version " + std::to_string(version) +
                    "; this program reads versions " + std::to_string(oldestRecordingVersion) +
                    " to " + std::to_string(recordingVersion) +
                    (version > recordingVersion ? "; get a newer one" : ""));
  std::map<std::string, std::string> objects;
  SQLite::Statement query(database, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL");
  while (query.executeStep()) {
    const Row row(query);
    objects[row.text(0)] = row.text(1);
  }
  for (const SchemaObject& object : recordingSchema()) {
    if (object.since > version) continue;
    const auto found = objects.find(object.name);
    if (found == objects.end()) throw FileError("has no table " + object.name + "; it is damaged");
    if (found->second != object.sql)
      throw FileError("has another table " + object.name + " than version " +
                      std::to_string(version) + "; it was changed, or is damaged");
    objects.erase(found);
  }
  if (!objects.empty())
    throw FileError("holds \"" + objects.begin()->first +
                    "\", which is no part of a recording; remove it (DROP) to open the file");
}

void useLog(SQLite::Database& database) {
  database.exec("PRAGMA journal_mode = WAL");
  // A killed program loses nothing of a commit; only a machine that loses power may.
  database.exec("PRAGMA synchronous = NORMAL");
}

constexpr int busyMilliseconds = 2000;

}  // namespace

std::unique_ptr<SQLite::Database> createRecording(
    const std::filesystem::path& path, const std::function<void(SQLite::Database&)>& describe,
    const std::filesystem::path& like) {
  auto database = std::make_unique<SQLite::Database>(
      path.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, busyMilliseconds);
  useLog(*database);
  // A database cannot be attached within a transaction.
  if (!like.empty()) {
    SQLite::Statement attach(*database, "ATTACH ? AS other");
    attach.bind(1, like.string());
    attach.exec();
  }
  SQLite::Transaction transaction(*database);
  database->exec("PRAGMA application_id = " + std::to_string(recordingApplicationId));
  database->exec("PRAGMA user_version = " + std::to_string(recordingVersion));
  for (const SchemaObject& object : recordingSchema()) database->exec(object.sql);
  describe(*database);
  transaction.commit();
  if (!like.empty()) database->exec("DETACH other");
  return database;
}

std::unique_ptr<SQLite::Database> openRecordingForWriting(const std::filesystem::path& path) {
  auto database =
      std::make_unique<SQLite::Database>(path.string(), SQLite::OPEN_READWRITE, busyMilliseconds);
  distrust(*database);
  checkIdentity(*database);
  useLog(*database);
  return database;
}

std::string reasonOf(const SQLite::Exception& exception) {
  switch (exception.getErrorCode()) {
    case SQLITE_FULL:
      return "the disk is full";
    case SQLITE_READONLY:
      return "it cannot be written (read-only)";
    case SQLITE_INTERRUPT:
      return "a query took too long";
    case SQLITE_NOMEM:
      return "there is not enough memory for it";
    default:
      return exception.what();
  }
}

ReadConnection::ReadConnection(const std::filesystem::path& path)
    : m_until(std::make_unique<std::chrono::steady_clock::time_point>()) {
  try {
    open(path);
  } catch (const SQLite::Exception& exception) {
    // SQLite wants to make an index of the log beside the file, and may not. Without a log there is
    // nothing to index: the file is all there is.
    std::error_code error;
    const std::filesystem::path log = path.string() + "-wal";
    const bool hasLog =
        std::filesystem::exists(log, error) && std::filesystem::file_size(log, error) > 0;
    const int code = exception.getErrorCode();
    if (code != SQLITE_CANTOPEN && code != SQLITE_READONLY) throw;
    if (!std::filesystem::exists(path, error)) throw;
    if (hasLog)
      throw FileError(
          "its program was killed, and its last steps are in a log that cannot be read in a folder "
          "without write permission; copy " +
          path.filename().string() + " and " + log.filename().string() + " to another folder");
    std::string uri = "file:";
    for (const char c : std::filesystem::absolute(path).string()) {
      if (c == '?' || c == '#' || c == '%')
        uri += c == '?' ? "%3f" : c == '#' ? "%23" : "%25";
      else
        uri += c;
    }
    open(uri + "?immutable=1");
  }
}

void ReadConnection::open(const std::filesystem::path& path) {
  m_database = std::make_unique<SQLite::Database>(
      path.string(), SQLite::OPEN_READONLY | SQLite::OPEN_URI, busyMilliseconds);
  allow(std::chrono::seconds(30));
  constexpr int every = 10000;
  sqlite3_progress_handler(
      m_database->getHandle(), every,
      [](void* until) -> int {
        return std::chrono::steady_clock::now() >
               *static_cast<const std::chrono::steady_clock::time_point*>(until);
      },
      m_until.get());
  distrust(*m_database);
  m_database->exec("PRAGMA query_only = ON");
  checkIdentity(*m_database);
}

}  // namespace clipscope
