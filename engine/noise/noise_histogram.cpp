// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/noise_histogram.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace clipscope {

namespace {

/// The bin of a position, those outside at either end.
std::uint8_t placeOf(float position) {
  const float inside = position > 0.0f ? position : 0.0f;
  const float last = static_cast<float>(NoiseHistogram::bins + 1);
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(inside < last ? inside : last));
}

}  // namespace

void NoiseHistogram::clear() { *this = NoiseHistogram{}; }

void NoiseHistogram::add(const NoiseHistogram& other) {
  for (std::size_t bin = 0; bin < m_counts.size(); ++bin) m_counts[bin] += other.m_counts[bin];
  m_below += other.m_below;
  m_above += other.m_above;
  m_total += other.m_total;
}

void NoiseHistogram::add(std::span<const float> values) {
  // Two bins outside, so that the loop has no branch; 32-bit counters for a stretch at a time.
  constexpr float scale = static_cast<float>(bins / (high - low));
  constexpr float offset = static_cast<float>(-low) * scale + 1.0f;
  static_assert(bins + 2 <= 256);
  // Eight tables in turn: neighbours in one bin would wait for each other's store.
  std::array<std::array<std::uint32_t, bins + 2>, 8> counts{};
  constexpr std::size_t stretch = 256;
  std::array<std::uint8_t, stretch> place{};
  for (std::size_t start = 0; start < values.size(); start += stretch) {
    const std::size_t count = std::min(stretch, values.size() - start);
    const float* z = values.data() + start;
    // Places first, in a loop that the compiler can vectorise.
    if (count == stretch)
      for (std::size_t k = 0; k < stretch; ++k) place[k] = placeOf(z[k] * scale + offset);
    else
      for (std::size_t k = 0; k < count; ++k) place[k] = placeOf(z[k] * scale + offset);
    std::size_t k = 0;
    for (; k + 8 <= count; k += 8) {
      std::uint64_t eight;
      std::memcpy(&eight, place.data() + k, 8);
      for (auto& table : counts) {
        ++table[eight & 255];
        eight >>= 8;
      }
    }
    for (; k < count; ++k) ++counts[0][place[k]];
  }
  for (const auto& table : counts) {
    m_below += table.front();
    m_above += table.back();
    for (std::size_t bin = 0; bin < static_cast<std::size_t>(bins); ++bin)
      m_counts[bin] += table[bin + 1];
  }
  m_total += static_cast<Index>(values.size());
}

}  // namespace clipscope
