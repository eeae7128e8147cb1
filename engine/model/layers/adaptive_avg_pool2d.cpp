// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/adaptive_avg_pool2d.h"

#include <algorithm>

#include "engine/model/layers/window.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

AdaptiveAvgPool2d::AdaptiveAvgPool2d(const std::array<Index, 2>& output, Shape input)
    : Layer(std::move(input)) {
  m_output = Shape{m_input[0], output[0], output[1]};
}

std::string AdaptiveAvgPool2d::describe() const {
  return "AdaptiveAvgPool to " + pairText({m_output[1], m_output[2]});
}

template <class Body>
void AdaptiveAvgPool2d::forCells(Body&& body) const {
  const Index channels = m_input[0];
  const auto from = [](Index bin, Index cells, Index bins) { return bin * cells / bins; };
  const auto to = [](Index bin, Index cells, Index bins) {
    return ((bin + 1) * cells + bins - 1) / bins;
  };
  for (Index row = 0; row < m_output[1]; ++row)
    for (Index column = 0; column < m_output[2]; ++column) {
      const Index h0 = from(row, m_input[1], m_output[1]), h1 = to(row, m_input[1], m_output[1]);
      const Index w0 = from(column, m_input[2], m_output[2]),
                  w1 = to(column, m_input[2], m_output[2]);
      const float share = 1.0f / static_cast<float>((h1 - h0) * (w1 - w0));
      for (Index h = h0; h < h1; ++h)
        for (Index w = w0; w < w1; ++w)
          body((row * m_output[2] + column) * channels, (h * m_input[2] + w) * channels, share);
    }
}

void AdaptiveAvgPool2d::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  for (Index i = 0; i < cache.x.rows; ++i) {
    const float* x = cache.x.row(i);
    float* y = cache.y.row(i);
    std::fill_n(y, cache.y.cols, 0.0f);
    forCells(
        [&](Index out, Index in, float share) { addScaled(share, x + in, y + out, m_input[0]); });
  }
}

void AdaptiveAvgPool2d::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  for (Index i = 0; i < dx.rows; ++i) {
    const float* dy = cache.dy.row(i);
    float* out = dx.row(i);
    std::fill_n(out, dx.cols, 0.0f);
    forCells(
        [&](Index at, Index in, float share) { addScaled(share, dy + at, out + in, m_input[0]); });
  }
}

}  // namespace clipscope
