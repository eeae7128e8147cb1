// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/sum_set.h"

#include <algorithm>
#include <cassert>

#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

SumSet::SumSet(const std::vector<Index>& packedSizes, Index strategies)
    : m_sizes(packedSizes), m_strategies(strategies) {
  for (const Index size : packedSizes) {
    m_offsets.push_back(m_extent);
    m_extent += (size + 15) / 16 * 16;
  }
  m_values.resize(static_cast<std::size_t>(m_extent * strategies), 0.0f);
}

void SumSet::clear() {
  const auto size = static_cast<Index>(m_values.size());
  parallelRanges(size, size, [&](Index from, Index to) {
    std::fill(m_values.begin() + from, m_values.begin() + to, 0.0f);
  });
}

void SumSet::add(const SumSet& other) {
  assert(other.m_values.size() == m_values.size());
  const auto size = static_cast<Index>(m_values.size());
  parallelRanges(size, size, [&](Index from, Index to) {
    addScaled(1.0f, other.m_values.data() + from, m_values.data() + from, to - from);
  });
}

}  // namespace clipscope
