// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/group_gram.h"

#include <algorithm>
#include <cmath>

#include "engine/clipping/norm_table.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

GroupGram::GroupGram(const BatchGram& gram, const ClippingGroup& group)
    : m_gram(gram), m_norms(at(gram.batchSize()), 0.0), m_slots(at(gram.batchSize()), -1) {
  std::vector<double> parts(group.tensors.size());
  for (Index i = 0; i < gram.batchSize(); ++i) {
    if (!std::isfinite(gram.norms().globalNorm(i))) continue;
    for (std::size_t p = 0; p < parts.size(); ++p) parts[p] = gram.norms().at(i, group.tensors[p]);
    m_norms[at(i)] = combinedNorm(parts);
  }
  const Index size = gram.size();
  for (Index i = 0; i < size; ++i) m_slots[at(gram.rows()[at(i)])] = i;
  const double b = static_cast<double>(gram.batchSize()), m = static_cast<double>(size);
  if (gram.isSubset()) m_pairScale = m > 1 ? b * (b - 1) / (m * (m - 1)) : 0.0;
  if (group.tensors.size() == 1)
    m_cosines = gram.cosines(group.tensors.front());
  else
    sumTensors(group);

  std::vector<double> kept(at(size));
  for (Index i = 0; i < size; ++i) kept[at(i)] = m_norms[at(gram.rows()[at(i)])];
  m_unclipped.resize(at(size));
  for (Index i = 0; i < size; ++i) {
    const double self = static_cast<double>(cosines(i)[at(i)]) * kept[at(i)];
    m_unclipped[at(i)] = dotProduct(cosines(i).data(), kept.data(), size) - self;
  }
  m_unclippedSquare = std::max(0.0, withUnclipped(m_norms));
}

void GroupGram::sumTensors(const ClippingGroup& group) {
  const Index size = m_gram.size();
  m_own.assign(at(size * size), 0.0f);
  std::vector<float> share(at(size));
  for (const Index tensor : group.tensors) {
    for (Index i = 0; i < size; ++i) {
      const Index row = m_gram.rows()[at(i)];
      const double norm = m_norms[at(row)];
      share[at(i)] = norm > 0 ? static_cast<float>(m_gram.norms().at(row, tensor) / norm) : 0.0f;
    }
    const float* cosines = m_gram.cosines(tensor).data();
    const float* shares = share.data();
    for (Index i = 0; i < size; ++i) {
      float* out = m_own.data() + i * size;
      const float* in = cosines + i * size;
      const float own = shares[i];
      for (Index j = i + 1; j < size; ++j) out[j] += own * (shares[j] * in[j]);
    }
  }
  for (Index i = 0; i < size; ++i) {
    m_own[at(i * size + i)] = m_norms[at(m_gram.rows()[at(i)])] > 0 ? 1.0f : 0.0f;
    for (Index j = 0; j < i; ++j) m_own[at(i * size + j)] = m_own[at(j * size + i)];
  }
  m_cosines = m_own;
}

double GroupGram::square(std::span<const double> lengths) const {
  const Index size = m_gram.size();
  double own = 0, pairs = 0;
  for (const double length : lengths) own += length * length;
  const double* kept = lengths.data();
  thread_local std::vector<double> subset;
  if (m_gram.isSubset()) {
    subset.resize(at(size));
    for (Index i = 0; i < size; ++i) subset[at(i)] = lengths[at(m_gram.rows()[at(i)])];
    kept = subset.data();
  }
  for (Index i = 0; i + 1 < size; ++i)
    if (kept[i] != 0)
      pairs += kept[i] * dotProduct(cosines(i).data() + i + 1, kept + i + 1, size - i - 1);
  return std::max(0.0, own + 2 * m_pairScale * pairs);
}

double GroupGram::withUnclipped(std::span<const double> lengths) const {
  double total = 0, pairs = 0;
  for (std::size_t i = 0; i < lengths.size(); ++i) total += lengths[i] * m_norms[i];
  for (Index i = 0; i < m_gram.size(); ++i)
    pairs += lengths[at(m_gram.rows()[at(i)])] * m_unclipped[at(i)];
  return total + m_pairScale * pairs;
}

double GroupGram::alongUnclipped(Index row) const {
  const Index i = slot(row);
  return m_norms[at(row)] + (i < 0 ? 0.0 : m_pairScale * m_unclipped[at(i)]);
}

}  // namespace clipscope
