// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/residual_sum.h"

#include <algorithm>

#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

void ResidualSum::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  parallelRanges(cache.y.size(), cache.y.size(), [&](Index first, Index last) {
    scaledSum(1.0f, cache.x.data + first, cache.shortcut.data + first, cache.y.data + first,
              last - first);
  });
}

void ResidualSum::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  parallelRanges(dx.size(), dx.size(), [&](Index first, Index last) {
    std::copy(cache.dy.data + first, cache.dy.data + last, dx.data + first);
  });
}

}  // namespace clipscope
