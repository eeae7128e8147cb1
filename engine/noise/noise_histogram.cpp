// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/noise_histogram.h"

#include <algorithm>
#include <cstdint>

namespace clipscope {

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
  std::array<std::array<std::uint32_t, bins + 2>, 4> counts{};
  std::size_t lane = 0;
  for (const float value : values) {
    const float position = std::clamp(value * scale + offset, 0.0f, static_cast<float>(bins + 1));
    // Four tables in turn: neighbours in one bin would wait for each other's store.
    ++counts[lane++ & 3][static_cast<std::size_t>(static_cast<std::int32_t>(position))];
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
