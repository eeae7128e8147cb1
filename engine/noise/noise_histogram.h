// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "engine/tensor/shape.h"

namespace clipscope {

class NoiseTally;

/// Counts of drawn noise in units of its std, z/s, over fixed bins from −5 to 5, to be held against
/// the standard normal density.
class NoiseHistogram {
 public:
  static constexpr Index bins = 100;
  static constexpr double low = -5.0;
  static constexpr double high = 5.0;

  void clear();
  /// Adds what a tally has counted; the tally starts over.
  void add(NoiseTally& tally);

  /// From what another had counted: below, every bin in order, above.
  void setCounts(std::span<const Index, static_cast<std::size_t>(bins + 2)> counts);

  Index count(Index bin) const { return m_counts[static_cast<std::size_t>(bin)]; }
  Index below() const { return m_below; }
  Index above() const { return m_above; }
  Index total() const { return m_total; }
  static double binLow(Index bin) { return low + (high - low) * static_cast<double>(bin) / bins; }

 private:
  std::array<Index, bins> m_counts{};
  Index m_below = 0;
  Index m_above = 0;
  Index m_total = 0;
};

/// What one thread counts for a NoiseHistogram. It counts values in pairs, in a table of all pairs
/// of places: half as many counters to raise, and neighbours seldom wait for each other's.
class NoiseTally {
 public:
  void add(std::span<const float> values);

 private:
  friend class NoiseHistogram;
  /// The bins, one place before them and one behind.
  static constexpr std::size_t places = NoiseHistogram::bins + 2;
  static constexpr std::size_t rowSize = 128;

  /// Empties the table into the counts.
  void settle();

  alignas(64) std::array<std::uint16_t, places * rowSize> m_pairs{};
  std::size_t m_inTable = 0;  ///< pairs, below 2^16: no counter can overflow
  std::array<Index, places> m_counts{};
};

}  // namespace clipscope
