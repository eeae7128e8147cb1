// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

namespace clipscope {

/// Says that a process is writing a recording: a file beside it, `RUN.clipscope-lock`, which the
/// system unlocks when the process ends, however it ends. An unlocked one that was left behind
/// means nothing.
class RecordingLock {
 public:
  /// Throws RecordingInUse where another process (or this one) holds it, FileError where the file
  /// cannot be made.
  explicit RecordingLock(const std::filesystem::path& recording);
  /// Removes the file.
  ~RecordingLock();
  RecordingLock(const RecordingLock&) = delete;
  RecordingLock& operator=(const RecordingLock&) = delete;

  static bool isHeld(const std::filesystem::path& recording);

 private:
  std::filesystem::path m_path;
  int m_descriptor = -1;
};

}  // namespace clipscope
