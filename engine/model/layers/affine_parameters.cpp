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

void addFormed(const FactorMatrix& factors, Index example, Index tensor, const float* g, Index size,
               SumSet& sums) {
  if (tensor < 0) return;
  for (Index s = 0; s < factors.strategies; ++s) {
    const float f = factors.at(example, s, tensor);
    if (f != 0.0f) addScaled(f, g, sums.data(s, tensor), size);
  }
}

std::vector<double>& threadDoubles(Index count) { return threadScratch<double>(count); }
std::vector<float>& threadFloats(Index count) { return threadScratch<float>(count); }

}  // namespace clipscope
