// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/noise_histogram.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/noise/noise_histogram.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// place = z·scale + offset as a whole number from 0 to `last`; `count` is a multiple of 64.
void placesKernel(const float* HWY_RESTRICT z, std::size_t count, float scale, float offset,
                  float last, std::uint8_t* HWY_RESTRICT place) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<std::uint8_t, decltype(d)> db;
  const auto a = hn::Set(d, scale), b = hn::Set(d, offset), most = hn::Set(d, last);
  for (std::size_t k = 0; k < count; k += hn::Lanes(d)) {
    const auto position = hn::Add(hn::Mul(hn::LoadU(d, z + k), a), b);
    const auto inside = hn::Min(hn::Max(position, hn::Zero(d)), most);
    hn::StoreU(hn::DemoteTo(db, hn::ConvertTo(di, inside)), db, place + k);
  }
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(placesKernel);

void NoiseHistogram::clear() { *this = NoiseHistogram{}; }

void NoiseHistogram::add(const NoiseHistogram& other) {
  for (std::size_t bin = 0; bin < m_counts.size(); ++bin) m_counts[bin] += other.m_counts[bin];
  m_below += other.m_below;
  m_above += other.m_above;
  m_total += other.m_total;
}

void NoiseHistogram::setCounts(std::span<const Index, static_cast<std::size_t>(bins + 2)> counts) {
  m_below = counts.front();
  std::copy(counts.begin() + 1, counts.end() - 1, m_counts.begin());
  m_above = counts.back();
  m_total = std::accumulate(counts.begin(), counts.end(), Index{0});
}

void NoiseHistogram::add(std::span<const float> values) {
  // Two bins outside, so that the loop has no branch; 32-bit counters for a stretch at a time.
  constexpr float scale = static_cast<float>(bins / (high - low));
  constexpr float offset = static_cast<float>(-low) * scale + 1.0f;
  constexpr float last = static_cast<float>(bins + 1);
  static_assert(bins + 2 <= 256);
  // Eight tables in turn: neighbours in one bin would wait for each other's store.
  std::array<std::array<std::uint32_t, bins + 2>, 8> counts{};
  constexpr std::size_t stretch = 256;
  std::array<std::uint8_t, stretch> place{};
  for (std::size_t start = 0; start < values.size(); start += stretch) {
    const std::size_t count = std::min(stretch, values.size() - start);
    const float* z = values.data() + start;
    if (count == stretch) {
      HWY_DYNAMIC_DISPATCH(placesKernel)(z, count, scale, offset, last, place.data());
    } else {
      std::array<float, stretch> padded{};
      std::copy_n(z, count, padded.begin());
      HWY_DYNAMIC_DISPATCH(placesKernel)
      (padded.data(), stretch, scale, offset, last, place.data());
    }
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

#endif  // HWY_ONCE
