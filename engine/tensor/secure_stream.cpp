// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/secure_stream.h"

#include <sodium.h>

#include <algorithm>

#include "engine/error.h"

namespace clipscope {

SecureKey::SecureKey() {
  static_assert(crypto_stream_chacha20_KEYBYTES == sizeof m_key);
  // Once is enough; it may be called again.
  if (sodium_init() < 0)
    throw Error("secure mode: the operating system has no randomness to give; run without it");
  randombytes_buf(m_key.data(), m_key.size());
}

SecureKey::~SecureKey() { sodium_memzero(m_key.data(), m_key.size()); }

void SecureKey::fill(DrawPurpose purpose, std::uint64_t stream, std::uint64_t block,
                     std::span<std::byte> out) const {
  std::array<unsigned char, crypto_stream_chacha20_NONCEBYTES> nonce{};
  const std::uint64_t number =
      static_cast<std::uint64_t>(purpose) << 56 | (stream & ((std::uint64_t{1} << 56) - 1));
  for (std::size_t k = 0; k < nonce.size(); ++k)
    nonce[k] = static_cast<unsigned char>(number >> (8 * k));
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  std::ranges::fill(out, std::byte{0});
  crypto_stream_chacha20_xor_ic(bytes, bytes, out.size(), nonce.data(), block, m_key.data());
}

SecureStream::~SecureStream() { sodium_memzero(m_words.data(), sizeof m_words); }

std::uint64_t SecureStream::bits() {
  if (m_next == words) {
    m_key.fill(m_purpose, m_stream, m_block, std::as_writable_bytes(std::span(m_words)));
    m_block += sizeof m_words / 64;
    m_next = 0;
  }
  return m_words[m_next++];
}

}  // namespace clipscope
