// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace clipscope {

/// A file that appears whole or not at all: written beside its place under a temporary name,
/// flushed to the disk, and renamed by commit(). Without commit() nothing is left. Every failure is
/// a FileError that says what the system said (no space, no permission, no such folder).
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  /// Hands what was written to the system, so that a full disk is noticed now.
  void flush();
  void commit();
  const std::filesystem::path& path() const { return m_path; }

 private:
  [[noreturn]] void fail(const char* what, int error);
  void drain();

  std::filesystem::path m_path;
  std::string m_temporary;
  std::string m_buffer;
  int m_descriptor = -1;
};

void writeFileAtomically(const std::filesystem::path& path, std::string_view bytes);

}  // namespace clipscope
