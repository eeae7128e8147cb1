// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/recording/recording_reader.h"

namespace clipscope::fuzz {

/// What holds of every recording that opens: its branches are a tree, and each step, summary and
/// checkpoint is refused or is whole, so that what shows or continues it need not look again.
void checkRecording(const RecordingReader& reader);

}  // namespace clipscope::fuzz
