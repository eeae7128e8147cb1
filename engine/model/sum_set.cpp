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
  m_empty.resize(m_sizes.size() * static_cast<std::size_t>(strategies), 0);
}

void SumSet::clear() { std::ranges::fill(m_empty, static_cast<unsigned char>(1)); }

bool SumSet::takeEmpty(Index strategy, Index trainableIndex) {
  const bool was = empty(strategy, trainableIndex) != 0;
  empty(strategy, trainableIndex) = 0;
  return was;
}

float* SumSet::data(Index strategy, Index trainableIndex) {
  float* values = m_values.data() + offset(strategy, trainableIndex);
  if (takeEmpty(strategy, trainableIndex)) std::fill_n(values, size(trainableIndex), 0.0f);
  return values;
}

void SumSet::settle() {
  for (Index s = 0; s < m_strategies; ++s)
    for (Index t = 0; t < static_cast<Index>(m_sizes.size()); ++t) data(s, t);
}

void SumSet::add(const SumSet& other) {
  assert(other.m_values.size() == m_values.size());
  const auto size = static_cast<Index>(m_values.size());
  parallelRanges(size, size, [&](Index from, Index to) {
    addScaled(1.0f, other.m_values.data() + from, m_values.data() + from, to - from);
  });
}

}  // namespace clipscope
