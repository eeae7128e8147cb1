// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace clipscope {

/// A recording is a SQLite database; recording_format.md is its documentation. The application id
/// and the version stand in the database's header, where `file` and other programs find them.
inline constexpr std::int32_t recordingApplicationId = 0x434c5053;  // "CLPS"
inline constexpr int recordingVersion = 3;
inline constexpr int oldestRecordingVersion = 2;  ///< that can still be read

/// A table or index, as sqlite_master has it.
struct SchemaObject {
  std::string name;
  std::string sql;  ///< CREATE …
  int since = oldestRecordingVersion;
};
/// Everything that a recording consists of, in the order of creation.
const std::vector<SchemaObject>& recordingSchema();

/// "INSERT OR REPLACE INTO steps (…) VALUES (?, …)": branch, step, then the columns in the order
/// of step_columns.h (numbers, evaluation, texts; or blobs).
std::string insertStep();
std::string insertDetails();
std::string insertBatch();
/// "SELECT …" of the same columns without branch and step.
std::string selectScalars();
std::string selectDetails();
std::string selectBatch();

}  // namespace clipscope
