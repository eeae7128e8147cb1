// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/avg_pool2d.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/model/layers/window.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

AvgPool2d::AvgPool2d(const AvgPool2dSettings& settings, Shape input)
    : Layer(std::move(input)), m_settings(settings) {
  const auto [height, width] =
      windowedExtent(m_input, settings.kernel, settings.stride, settings.padding, {1, 1});
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (2 * settings.padding[axis] > settings.kernel[axis])
      throw SpecError("is padded by more than half of its kernel");
  m_output = Shape{m_input[0], height, width};
}

std::string AvgPool2d::describe() const {
  return "AvgPool " + pairText(m_settings.kernel) + " " + strideText(m_settings.stride);
}

template <class Body>
void AvgPool2d::forCells(Body&& body) const {
  const auto& s = m_settings;
  for (Index row = 0; row < m_output[1]; ++row)
    for (Index column = 0; column < m_output[2]; ++column) {
      const Index top = row * s.stride[0] - s.padding[0];
      const Index left = column * s.stride[1] - s.padding[1];
      const Index h0 = std::max(top, Index{0}), h1 = std::min(top + s.kernel[0], m_input[1]);
      const Index w0 = std::max(left, Index{0}), w1 = std::min(left + s.kernel[1], m_input[2]);
      // PyTorch's divisor counts the padding but not what lies beyond it.
      const Index whole = (std::min(top + s.kernel[0], m_input[1] + s.padding[0]) - top) *
                          (std::min(left + s.kernel[1], m_input[2] + s.padding[1]) - left);
      const Index divisor = s.countIncludePad ? whole : (h1 - h0) * (w1 - w0);
      const float share = 1.0f / static_cast<float>(divisor);
      for (Index h = h0; h < h1; ++h)
        for (Index w = w0; w < w1; ++w)
          body((row * m_output[2] + column) * m_input[0], (h * m_input[2] + w) * m_input[0], share);
    }
}

void AvgPool2d::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  for (Index i = 0; i < cache.x.rows; ++i) {
    const float* x = cache.x.row(i);
    float* y = cache.y.row(i);
    std::fill_n(y, cache.y.cols, 0.0f);
    forCells(
        [&](Index out, Index in, float share) { addScaled(share, x + in, y + out, m_input[0]); });
  }
}

void AvgPool2d::backward(const ParameterView&, View dx, LayerCache& cache) const {
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
