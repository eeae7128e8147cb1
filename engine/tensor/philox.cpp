// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/philox.h"

namespace clipscope {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0],
               static_cast<std::uint32_t>(second),
               static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(first)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

std::array<std::uint32_t, 4> philoxCounter(const DrawKey& stream, std::uint64_t position) {
  return {static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
          static_cast<std::uint32_t>(stream.step),
          static_cast<std::uint32_t>(stream.purpose) << 24 | (stream.block & 0xFFFFFFu)};
}

std::array<std::uint32_t, 2> philoxKey(const DrawKey& stream) {
  return {static_cast<std::uint32_t>(stream.seed), static_cast<std::uint32_t>(stream.seed >> 32)};
}

std::uint64_t RandomStream::bits() {
  if (m_left == 0) {
    const auto words = philox4x32(philoxCounter(m_key, m_position++), philoxKey(m_key));
    m_words = {words[0] | std::uint64_t{words[1]} << 32, words[2] | std::uint64_t{words[3]} << 32};
    m_left = 2;
  }
  return m_words[static_cast<std::size_t>(2 - m_left--)];
}

}  // namespace clipscope
