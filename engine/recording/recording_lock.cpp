// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine/recording/recording_writer.h"

namespace clipscope {

namespace {

std::filesystem::path lockOf(const std::filesystem::path& recording) {
  return recording.string() + "-lock";
}

bool isFileAt(int descriptor, const std::filesystem::path& path) {
  struct stat held {
  }, there{};
  return fstat(descriptor, &held) == 0 && stat(path.c_str(), &there) == 0 &&
         held.st_ino == there.st_ino && held.st_dev == there.st_dev;
}

}  // namespace

RecordingLock::RecordingLock(const std::filesystem::path& recording) : m_path(lockOf(recording)) {
  // isHeld() of another process takes the lock for a moment.
  constexpr int attempts = 20;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    m_descriptor = open(m_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (m_descriptor < 0)
      throw FileError(recording.string() + ": cannot be written here: " + std::strerror(errno) +
                      "; choose another folder");
    const bool locked = flock(m_descriptor, LOCK_EX | LOCK_NB) == 0;
    // Who had it before may have removed the file in between: then this lock is no one's.
    if (locked && isFileAt(m_descriptor, m_path)) return;
    const int error = errno;
    close(m_descriptor);
    if (!locked && error != EWOULDBLOCK && error != EINTR)
      throw FileError(recording.string() + ": cannot be locked: " + std::strerror(error) +
                      "; choose another folder");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  throw RecordingInUse(recording.string() +
                       ": another program is writing this recording now; open it to look at, or "
                       "close the other one");
}

RecordingLock::~RecordingLock() {
  if (isFileAt(m_descriptor, m_path)) unlink(m_path.c_str());
  close(m_descriptor);
}

bool RecordingLock::isHeld(const std::filesystem::path& recording) {
  const int descriptor = open(lockOf(recording).c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool held = flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  close(descriptor);
  return held;
}

}  // namespace clipscope
