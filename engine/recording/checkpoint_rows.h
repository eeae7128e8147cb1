// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <SQLiteCpp/SQLiteCpp.h>

#include "engine/recording/recording_reader.h"
#include "engine/training/trainer_checkpoint.h"

namespace clipscope {

/// Checkpoints as rows: every number to the bit. Reading throws FileError, without the path, for
/// what cannot be; everything throws SQLite::Exception.

void writeCheckpoint(SQLite::Database& database, int branch, const TrainerCheckpoint& checkpoint);
void removeCheckpointRow(SQLite::Database& database, int branch, Index step);
/// In the order of branches and steps.
std::vector<RecordingReader::CheckpointPlace> listCheckpoints(SQLite::Database& database);
SavedCheckpoint readCheckpoint(SQLite::Database& database, int branch, Index step);

}  // namespace clipscope
