// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/interchange/run_folder.h"
#include "engine/session/run_session.h"

namespace clipscope {

/// Begins a recording of a session that has made no step. The file names the data by its absolute
/// path. Throws FileError as RecordingWriter.
void startRecording(RunSession& session, const std::filesystem::path& path,
                    const std::string& programVersion, RecordingLimits limits = {});

/// Makes a session of a recorded run, at its newest step; it does not go on recording before
/// RunSession::resume(). `data`: where the data lies now, if not where it lay. Throws FileError
/// where the data cannot be read or are others, and as RecordingReader.
std::unique_ptr<RunSession> openRecordedRun(const RecordingReader& recording,
                                            const std::optional<DataSettings>& data = {},
                                            PastSettings past = {});

/// What the manifest of a folder says of a recorded run: the settings are those of the newest step
/// of `branch`.
RunFacts factsOf(const RecordingReader& recording, int branch);

/// Why steps made from now on may have other bits than those of an uninterrupted run: another
/// number of threads; "" where they have the same.
std::string whyNotBitEqual(const RecordingReader& recording);

}  // namespace clipscope
