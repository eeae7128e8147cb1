// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layer.h"

#include <algorithm>

#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

void Layer::unpack(ParameterId id, const float* packed, float* plain) const {
  const Index size = (*m_table)[id].size();
  parallelRanges(size, size, [&](Index from, Index to) {
    std::copy(packed + from, packed + to, plain + from);
  });
}

void Layer::maskRelu(LayerCache& cache) {
  parallelRanges(cache.dy.rows, cache.dy.size(), [&](Index first, Index last) {
    float* dy = cache.dy.row(first);
    reluBackward(cache.y.row(first), dy, dy, (last - first) * cache.dy.cols);
  });
}

}  // namespace clipscope
