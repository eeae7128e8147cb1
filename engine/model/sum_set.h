// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
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
  void clear();
  /// The packed sum of a tensor; 64-byte aligned.
  float* data(Index strategy, Index trainableIndex) {
    return m_values.data() + strategy * m_extent +
           m_offsets[static_cast<std::size_t>(trainableIndex)];
  }
  const float* data(Index strategy, Index trainableIndex) const {
    return m_values.data() + strategy * m_extent +
           m_offsets[static_cast<std::size_t>(trainableIndex)];
  }
  /// this += other, value by value.
  void add(const SumSet& other);

 private:
  std::vector<Index> m_sizes, m_offsets;
  Index m_extent = 0;
  Index m_strategies = 0;
  AlignedVector<float> m_values;
};

}  // namespace clipscope
