// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace clipscope {

/// A file read from front to back, inflated where it is a .gz (by its first bytes, not its name).
/// Nothing is read that is not asked for, so a small file that would inflate to gigabytes does no
/// harm. Throws FileError: missing, a folder, unreadable, empty, a broken .gz.
class ByteSource {
 public:
  explicit ByteSource(const std::filesystem::path& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Fills as much of `out` as there is; fewer bytes only at the end.
  std::size_t read(std::span<std::byte> out);
  /// Bytes delivered so far.
  std::size_t position() const { return m_position; }
  /// "PATH": for messages.
  const std::string& name() const { return m_name; }
  /// An upper bound of what is left to deliver, from the file's size (deflate cannot do better than
  /// 1032 to 1): lets a reader refuse a header that promises more before it allocates.
  std::size_t mostLeft() const;

 private:
  struct Gz;
  std::unique_ptr<Gz> m_gz;
  std::string m_name;
  std::size_t m_position = 0;
  std::size_t m_fileSize = 0;
  bool m_compressed = false;
};

/// All of a file, up to `most` bytes; FileError beyond.
std::string readText(const std::filesystem::path& path, std::size_t most = std::size_t{1} << 31);

}  // namespace clipscope
