// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_info.h"

#include <SQLiteCpp/SQLiteCpp.h>
#include <sqlite3.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/recording/recording_schema.h"

namespace clipscope {

namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double number(SQLite::Database& database, const char* sql) {
  SQLite::Statement query(database, sql);
  if (!query.executeStep() || query.getColumn(0).isNull()) return unknown;
  return query.getColumn(0).getDouble();
}

/// Nothing in the file may run, write or grow.
void distrust(SQLite::Database& database) {
  sqlite3* handle = database.getHandle();
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, 1 << 28);
  sqlite3_limit(handle, SQLITE_LIMIT_SQL_LENGTH, 1 << 16);
  sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
  database.exec("PRAGMA query_only = ON");
}

}  // namespace

RecordingInfo readRecordingInfo(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw FileError(path.string() + ": there is no such file");
  RecordingInfo info;
  info.bytes = static_cast<Index>(std::filesystem::file_size(path, error));
  info.open = std::filesystem::exists(path.string() + "-wal", error);
  try {
    SQLite::Database database(path.string(), SQLite::OPEN_READONLY);
    distrust(database);
    if (number(database, "PRAGMA application_id") != recordingApplicationId)
      throw FileError(path.string() + ": is a database, but not a recording of Clipscope");
    const double version = number(database, "PRAGMA user_version");
    if (version != recordingVersion)
      throw FileError(path.string() + ": is a recording of version " +
                      std::to_string(static_cast<int>(version)) + "; this program reads version " +
                      std::to_string(recordingVersion));
    SQLite::Statement meta(database, "SELECT key, value FROM meta");
    while (meta.executeStep()) info.meta[meta.getColumn(0)] = meta.getColumn(1).getString();
    SQLite::Statement settings(database,
                               "SELECT experiment FROM settings ORDER BY first_step LIMIT 1");
    if (!settings.executeStep())
      throw FileError(path.string() + ": has no settings; it is damaged");
    info.experiment = experimentFromJson(nlohmann::json::parse(settings.getColumn(0).getString()));
    info.steps = static_cast<Index>(number(database, "SELECT count(*) FROM steps"));
    info.tensors = static_cast<Index>(number(database, "SELECT count(*) FROM tensors"));
    info.epsilon = number(database, "SELECT epsilon FROM steps ORDER BY step DESC LIMIT 1");
    info.loss = number(database, "SELECT loss FROM steps ORDER BY step DESC LIMIT 1");
    info.testAccuracy = number(database,
                               "SELECT test_accuracy FROM steps WHERE test_accuracy IS NOT NULL "
                               "ORDER BY step DESC LIMIT 1");
  } catch (const SQLite::Exception& exception) {
    throw FileError(path.string() + ": cannot be read as a recording: " + exception.what());
  } catch (const nlohmann::json::exception& exception) {
    throw FileError(path.string() + ": its settings cannot be read: " + exception.what());
  }
  return info;
}

}  // namespace clipscope
