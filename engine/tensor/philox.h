// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>

#include "engine/tensor/draw_key.h"
#include "engine/tensor/random_draws.h"

namespace clipscope {

/// Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), as defined by
/// Random123, which the tests use as the oracle. Stateless: counter and key in, four words out.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// The counter and key of the draw number `position` of a stream:
///   key     = {seed low, seed high}
///   counter = {position low, position high, step low, purpose << 24 | block low 24 bits}.
std::array<std::uint32_t, 4> philoxCounter(const DrawKey& stream, std::uint64_t position);
std::array<std::uint32_t, 2> philoxKey(const DrawKey& stream);

/// A sequential reader of one stream, for draws that are not worth vectorising. Each call to Philox
/// yields two 64-bit words. Copyable: a copy continues from the same position.
class RandomStream : public RandomDraws<RandomStream> {
 public:
  explicit RandomStream(const DrawKey& key) : m_key(key) {}

  std::uint64_t bits();

 private:
  DrawKey m_key;
  std::uint64_t m_position = 0;
  std::array<std::uint64_t, 2> m_words{};
  int m_left = 0;
};

}  // namespace clipscope
