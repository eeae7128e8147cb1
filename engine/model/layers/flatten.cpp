// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/flatten.h"

#include <algorithm>

#include "engine/tensor/parallel.h"

namespace clipscope {

namespace {

/// out[b·rows + a] = in[a·cols + b]
void transpose(const float* in, Index rows, Index cols, float* out) {
  for (Index a = 0; a < rows; ++a)
    for (Index b = 0; b < cols; ++b) out[b * rows + a] = in[a * cols + b];
}

}  // namespace

void Flatten::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  parallelRanges(cache.x.rows, cache.x.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      if (m_input.rank() == 3)
        transpose(cache.x.row(i), m_input[1] * m_input[2], m_input[0], cache.y.row(i));
      else
        std::copy_n(cache.x.row(i), cache.x.cols, cache.y.row(i));
    }
  });
}

void Flatten::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  parallelRanges(dx.rows, dx.size(), [&](Index first, Index last) {
    for (Index i = first; i < last; ++i) {
      if (m_input.rank() == 3)
        transpose(cache.dy.row(i), m_input[0], m_input[1] * m_input[2], dx.row(i));
      else
        std::copy_n(cache.dy.row(i), dx.cols, dx.row(i));
    }
  });
}

}  // namespace clipscope
