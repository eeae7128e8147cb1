// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/tensor/draw_key.h"
#include "engine/tensor/random_draws.h"

namespace clipscope {

/// A key of 256 bits from the operating system's generator, which never leaves memory and is wiped
/// when it goes. It names streams by purpose and block, as a DrawKey does; nothing that is recorded
/// leads back to them.
class SecureKey {
 public:
  /// Throws Error where the operating system has no randomness to give.
  SecureKey();
  ~SecureKey();
  SecureKey(const SecureKey&) = delete;
  SecureKey& operator=(const SecureKey&) = delete;

  /// ChaCha20's keystream under this key: 64-byte blocks block, block + 1, … of the stream.
  void fill(DrawPurpose purpose, std::uint64_t stream, std::uint64_t block,
            std::span<std::byte> out) const;

 private:
  std::array<unsigned char, 32> m_key{};
};

/// A sequential reader of one stream of a key. Streams are numbered below 2^56.
class SecureStream : public RandomDraws<SecureStream> {
 public:
  SecureStream(const SecureKey& key, DrawPurpose purpose, std::uint64_t stream = 0)
      : m_key(key), m_purpose(purpose), m_stream(stream) {}
  ~SecureStream();
  SecureStream(const SecureStream&) = delete;
  SecureStream& operator=(const SecureStream&) = delete;

  std::uint64_t bits();

 private:
  static constexpr std::size_t words = 128;
  const SecureKey& m_key;
  DrawPurpose m_purpose;
  std::uint64_t m_stream;
  std::uint64_t m_block = 0;
  std::array<std::uint64_t, words> m_words{};
  std::size_t m_next = words;
};

}  // namespace clipscope
