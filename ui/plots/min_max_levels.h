// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace clipscope {

/// Smallest and largest of a stretch of numbers; NaN and infinities are left out.
struct MinMax {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();

  bool isEmpty() const { return low > high; }
  void add(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void add(const MinMax& other) {
    low = std::min(low, other.low);
    high = std::max(high, other.high);
  }
};

/// Extremes of a long series by blocks of 16, 256, 4096, … values, so that a plot finds those of
/// any stretch without looking at every value in it: a million steps cost a pixel column a few
/// dozen of them. The values themselves stay where they are; `value(i)` gives the i-th.
class MinMaxLevels {
 public:
  std::size_t size() const { return m_size; }
  void clear() {
    m_size = 0;
    m_levels.clear();
  }

  /// Takes in the values from size() on, up to `count`.
  template <class Value>
  void extend(std::size_t count, Value&& value) {
    while (m_size + factor <= count) {
      MinMax block;
      for (std::size_t i = 0; i < factor; ++i) block.add(value(m_size + i));
      m_size += factor;
      push(0, block);
    }
  }

  /// Extremes of the values `from` ≤ i < `to`, where `to` may lie beyond size() by what extend()
  /// has not made a block of yet.
  template <class Value>
  MinMax over(std::size_t from, std::size_t to, Value&& value) const {
    MinMax found;
    while (from < to) {
      // The largest block that begins here and fits.
      std::size_t level = 0, length = 1, next = factor;
      while (level < m_levels.size() && from % next == 0 && from + next <= to &&
             from / next < m_levels[level].size()) {
        length = next;
        next *= factor;
        ++level;
      }
      if (level == 0)
        found.add(value(from));
      else
        found.add(m_levels[level - 1][from / length]);
      from += length;
    }
    return found;
  }

 private:
  static constexpr std::size_t factor = 16;

  void push(std::size_t level, const MinMax& block) {
    if (level == m_levels.size()) m_levels.emplace_back();
    std::vector<MinMax>& blocks = m_levels[level];
    blocks.push_back(block);
    if (blocks.size() % factor != 0) return;
    MinMax larger;
    for (std::size_t i = blocks.size() - factor; i < blocks.size(); ++i) larger.add(blocks[i]);
    push(level + 1, larger);
  }

  std::vector<std::vector<MinMax>> m_levels;  ///< blocks of 16^(level + 1)
  std::size_t m_size = 0;                     ///< values that are in blocks
};

}  // namespace clipscope
