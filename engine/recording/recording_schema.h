// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace clipscope {

/// A recording is a SQLite database; recording_format.md is its documentation. The application id
/// and the version stand in the database's header, where `file` and other programs find them.
inline constexpr std::int32_t recordingApplicationId = 0x434c5053;  // "CLPS"
inline constexpr int recordingVersion = 1;

/// CREATE TABLE statements of an empty recording.
std::string recordingSchema();
/// INSERT INTO steps … VALUES (?, …): step, then number, text and blob columns in their order.
std::string insertStep();

}  // namespace clipscope
