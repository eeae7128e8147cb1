// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace clipscope::fuzz {

/// Bytes under a path, without a disk: the readers take files.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : m_file(memfd_create("fuzz", MFD_CLOEXEC)) {
    for (std::size_t done = 0; m_file >= 0 && done < bytes.size();) {
      const ssize_t wrote = write(m_file, bytes.data() + done, bytes.size() - done);
      if (wrote <= 0) throw std::system_error(errno, std::generic_category(), "a file in memory");
      done += static_cast<std::size_t>(wrote);
    }
    if (m_file < 0) throw std::system_error(errno, std::generic_category(), "a file in memory");
  }
  ~MemoryFile() { close(m_file); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(m_file); }

 private:
  int m_file;
};

}  // namespace clipscope::fuzz
