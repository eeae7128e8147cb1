// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/flatten.h"

#include "engine/tensor/dense_product.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

Index Flatten::channels() const { return m_input.rank() == 3 ? m_input[0] : 1; }
Index Flatten::area() const { return m_input.size() / channels(); }

void Flatten::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  parallelRanges(cache.x.rows, cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i)
      transpose(cache.x.row(i), area(), channels(), cache.y.row(i));
  });
}

void Flatten::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  parallelRanges(dx.rows, dx.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) transpose(cache.dy.row(i), channels(), area(), dx.row(i));
  });
}

}  // namespace clipscope
