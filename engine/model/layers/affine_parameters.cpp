// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/affine_parameters.h"

#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {

template <class T>
std::vector<T>& threadScratch(Index count) {
  thread_local std::vector<T> scratch;
  if (static_cast<Index>(scratch.size()) < count) scratch.resize(static_cast<std::size_t>(count));
  return scratch;
}

}  // namespace

std::vector<ParameterId> presentIds(ParameterId weight, ParameterId bias) {
  std::vector<ParameterId> ids;
  for (const ParameterId id : {weight, bias})
    if (id >= 0) ids.push_back(id);
  return ids;
}

void addFormed(const FactorMatrix& factors, Index tensor, const float* g, Index stride, Index size,
               SumSet& sums) {
  if (tensor < 0) return;
  thread_local std::vector<const float*> rows;
  thread_local std::vector<float> weights;
  for (Index s = 0; s < factors.strategies; ++s) {
    rows.clear();
    weights.clear();
    for (Index i = 0; i < factors.rows; ++i) {
      const float f = factors.at(i, s, tensor);
      if (f == 0.0f) continue;
      rows.push_back(g + i * stride);
      weights.push_back(f);
    }
    addScaledRows(weights.data(), rows.data(), static_cast<Index>(rows.size()),
                  sums.data(s, tensor), size);
  }
}

std::vector<double>& threadDoubles(Index count) { return threadScratch<double>(count); }
std::vector<float>& threadFloats(Index count) { return threadScratch<float>(count); }

}  // namespace clipscope
