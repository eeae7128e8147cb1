// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/noise_histogram.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/noise/noise_histogram.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// A value's place is z·scale + offset as a whole number from 0 to `last`; two values give first +
/// 128·second. Which two go together depends on the vectors' length, and does not matter. `count`
/// is a multiple of 128.
void pairsKernel(const float* HWY_RESTRICT z, std::size_t count, float scale, float offset,
                 float last, std::uint16_t* HWY_RESTRICT pairs) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<std::uint16_t, decltype(d)> dp;
  const std::size_t lanes = hn::Lanes(d);
  const auto a = hn::Set(d, scale), b = hn::Set(d, offset), most = hn::Set(d, last);
  const auto place = [&](const float* from) {
    const auto position = hn::Add(hn::Mul(hn::LoadU(d, from), a), b);
    return hn::ConvertTo(di, hn::Min(hn::Max(position, hn::Zero(d)), most));
  };
  for (std::size_t k = 0; k < count; k += 2 * lanes) {
    const auto both = hn::Or(place(z + k), hn::ShiftLeft<7>(place(z + k + lanes)));
    hn::StoreU(hn::DemoteTo(dp, both), dp, pairs + k / 2);
  }
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(pairsKernel);

void NoiseHistogram::clear() { *this = NoiseHistogram{}; }

void NoiseHistogram::add(NoiseTally& tally) {
  tally.settle();
  m_below += tally.m_counts.front();
  m_above += tally.m_counts.back();
  for (std::size_t bin = 0; bin < m_counts.size(); ++bin) m_counts[bin] += tally.m_counts[bin + 1];
  for (Index& count : tally.m_counts) {
    m_total += count;
    count = 0;
  }
}

void NoiseHistogram::setCounts(std::span<const Index, static_cast<std::size_t>(bins + 2)> counts) {
  m_below = counts.front();
  std::copy(counts.begin() + 1, counts.end() - 1, m_counts.begin());
  m_above = counts.back();
  m_total = std::accumulate(counts.begin(), counts.end(), Index{0});
}

void NoiseTally::add(std::span<const float> values) {
  constexpr float scale =
      static_cast<float>(NoiseHistogram::bins / (NoiseHistogram::high - NoiseHistogram::low));
  constexpr float offset = static_cast<float>(-NoiseHistogram::low) * scale + 1.0f;
  constexpr float last = static_cast<float>(places - 1);
  constexpr std::size_t stretch = 512;
  static_assert(places <= rowSize && rowSize == 128);
  std::array<std::uint16_t, stretch / 2> pairs;
  while (!values.empty()) {
    const std::size_t count = std::min(stretch, values.size());
    const float* z = values.data();
    std::array<float, stretch> padded;
    if (count < stretch) {
      std::copy_n(z, count, padded.begin());
      std::fill(padded.begin() + static_cast<std::ptrdiff_t>(count), padded.end(), 0.0f);
      z = padded.data();
      // The zeros that fill it up are counted, and here taken back.
      m_counts[static_cast<std::size_t>(offset)] -= static_cast<Index>(stretch - count);
    }
    HWY_DYNAMIC_DISPATCH(pairsKernel)(z, stretch, scale, offset, last, pairs.data());
    if (m_inTable + pairs.size() > 65535) settle();
    // Four at a time from one word: a fifth faster than one by one.
    for (std::size_t k = 0; k < pairs.size(); k += 4) {
      std::uint64_t four;
      std::memcpy(&four, pairs.data() + k, sizeof four);
      ++m_pairs[four & 65535];
      ++m_pairs[four >> 16 & 65535];
      ++m_pairs[four >> 32 & 65535];
      ++m_pairs[four >> 48];
    }
    m_inTable += pairs.size();
    values = values.subspan(count);
  }
}

void NoiseTally::settle() {
  for (std::size_t second = 0; second < places; ++second) {
    const std::uint16_t* row = m_pairs.data() + second * rowSize;
    Index total = 0;
    for (std::size_t first = 0; first < places; ++first) {
      m_counts[first] += row[first];
      total += row[first];
    }
    m_counts[second] += total;
  }
  m_pairs.fill(0);
  m_inTable = 0;
}

}  // namespace clipscope

#endif  // HWY_ONCE
