// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/model/parameters.h"
#include "engine/tensor/aligned_vector.h"

namespace clipscope {

/// Weighted sums Σ_i f_i g_i over the trainable tensors, one per strategy, in the layout in which
/// the layers form them ("packed"; Model::unpack turns them into PyTorch's). Each thread owns one;
/// they are added in a fixed order.
class SumSet {
 public:
  SumSet() = default;
  /// `packedSizes`: floats of each trainable tensor, by trainable index.
  SumSet(const std::vector<Index>& packedSizes, Index strategies);

  Index strategies() const { return m_strategies; }
  /// Floats of a tensor's packed sum.
  Index size(Index trainableIndex) const {
    return m_sizes[static_cast<std::size_t>(trainableIndex)];
  }
  /// Makes all sums 0. Nothing is written yet: a tensor's memory is filled when it is first asked
  /// for, or never where the first to add to it overwrites it.
  void clear();
  /// Writes the zeros of what nobody asked for since clear(); before the sums are read as const.
  void settle();
  /// The packed sum of a tensor, to be added to; 64-byte aligned.
  float* data(Index strategy, Index trainableIndex);
  /// True once after clear(): the caller then overwrites the whole tensor, whatever it holds.
  bool takeEmpty(Index strategy, Index trainableIndex);
  const float* data(Index strategy, Index trainableIndex) const {
    return m_values.data() + offset(strategy, trainableIndex);
  }
  /// All tensors of a strategy, each beginning on a multiple of 16 floats.
  std::span<const float> values(Index strategy) const {
    return {m_values.data() + strategy * m_extent, static_cast<std::size_t>(m_extent)};
  }
  /// this += other, value by value; both are settled.
  void add(const SumSet& other);

 private:
  Index offset(Index strategy, Index trainableIndex) const {
    return strategy * m_extent + m_offsets[static_cast<std::size_t>(trainableIndex)];
  }
  unsigned char& empty(Index strategy, Index trainableIndex) {
    return m_empty[static_cast<std::size_t>(strategy) * m_sizes.size() +
                   static_cast<std::size_t>(trainableIndex)];
  }

  std::vector<Index> m_sizes, m_offsets;
  Index m_extent = 0;
  Index m_strategies = 0;
  AlignedVector<float> m_values;
  std::vector<unsigned char> m_empty;  ///< strategies × tensors: cleared and not yet written
};

}  // namespace clipscope
