// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace clipscope {

/// SHA-256 (FIPS 180-4, through libsodium), fed in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  /// 64 lower-case hexadecimal digits; once, at the end.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> m_state;
};

/// Of a file's bytes; throws FileError.
std::string sha256OfFile(const std::filesystem::path& path);

}  // namespace clipscope
