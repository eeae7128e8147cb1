// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace clipscope::fuzz {

/// A file in a folder of its own, in memory where the system has such a place: SQLite wants a name
/// that it can put its other files beside. One at a time in a process.
class TemporaryFile {
 public:
  TemporaryFile() : m_folder(place() / ("clipscope_fuzz_" + std::to_string(getpid()))) {
    std::filesystem::create_directory(m_folder);
  }
  explicit TemporaryFile(std::string_view bytes) : TemporaryFile() {
    std::ofstream(path(), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  ~TemporaryFile() { std::filesystem::remove_all(m_folder); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  std::filesystem::path path() const { return m_folder / "run.clipscope"; }
  std::string bytes() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

 private:
  static std::filesystem::path place() {
    const std::filesystem::path memory = "/dev/shm";
    return access(memory.c_str(), W_OK) == 0 ? memory : std::filesystem::temp_directory_path();
  }
  std::filesystem::path m_folder;
};

}  // namespace clipscope::fuzz
