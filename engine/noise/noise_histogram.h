// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>

#include "engine/tensor/shape.h"

namespace clipscope {

/// Counts of drawn noise in units of its std, z/s, over fixed bins from −5 to 5, to be held against
/// the standard normal density.
class NoiseHistogram {
 public:
  static constexpr Index bins = 100;
  static constexpr double low = -5.0;
  static constexpr double high = 5.0;

  void clear();
  void add(std::span<const float> values);
  /// Adds what another has counted.
  void add(const NoiseHistogram& other);

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

}  // namespace clipscope
