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
  constexpr std::size_t stretch = 256;
  std::array<std::int32_t, stretch> place{};
  for (std::size_t start = 0; start < values.size(); start += stretch) {
    const std::size_t count = std::min(stretch, values.size() - start);
    // Places first, in a loop that the compiler can vectorise.
    for (std::size_t k = 0; k < count; ++k) {
      const float position = values[start + k] * scale + offset;
      const float inside = position > 0.0f ? position : 0.0f;
      place[k] = static_cast<std::int32_t>(inside < bins + 1.0f ? inside : bins + 1.0f);
    }
    // Four tables in turn: neighbours in one bin would wait for each other's store.
    for (std::size_t k = 0; k < count; ++k) ++counts[k & 3][static_cast<std::size_t>(place[k])];
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
