// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "engine/recording/recording_reader.h"

namespace clipscope {

/// The first thing in which two runs differ.
struct RecordingDifference {
  Index step = 0;     ///< 0: before the first step
  std::string field;  ///< a column of the recording, a field of the settings, "steps"
  std::string a, b;   ///< the two values
};

/// Compares two recordings along their active branches, step by step: tensors, settings, then every
/// column, to the bit. Times are left out, and so are where the data lie, how many steps were asked
/// for, and an evaluation that only one of them made. Nothing where there is no difference. Throws
/// FileError.
std::optional<RecordingDifference> firstDifference(const RecordingReader& a,
                                                   const RecordingReader& b);

}  // namespace clipscope
