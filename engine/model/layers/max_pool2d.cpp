// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/max_pool2d.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/model/layers/window.h"
#include "engine/tensor/pool_kernels.h"

namespace clipscope {

MaxPool2d::MaxPool2d(const MaxPool2dSettings& settings, Shape input)
    : Layer(std::move(input)), m_settings(settings) {
  const auto [height, width] = windowedExtent(m_input, settings.kernel, settings.stride,
                                              settings.padding, {1, 1});
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (2 * settings.padding[axis] > settings.kernel[axis])
      throw SpecError("is padded by more than half of its kernel");
  m_output = Shape{m_input[0], height, width};
}

std::string MaxPool2d::describe() const {
  return "MaxPool " + pairText(m_settings.kernel) + " " + strideText(m_settings.stride);
}

CacheSize MaxPool2d::cacheSize(Index) const {
  // The window cell that won, one a value.
  return {m_output.size(), 0};
}

void MaxPool2d::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  const Index channels = m_input[0];
  for (Index i = 0; i < cache.x.rows; ++i) {
    const float* x = cache.x.row(i);
    float* y = cache.y.row(i);
    float* winner = cache.keptRow(i, cacheSize(0));
    for (Index row = 0; row < m_output[1]; ++row)
      for (Index column = 0; column < m_output[2]; ++column) {
        const Index at = (row * m_output[2] + column) * channels;
        bool first = true;
        for (Index a = 0; a < m_settings.kernel[0]; ++a)
          for (Index b = 0; b < m_settings.kernel[1]; ++b) {
            const Index h = row * m_settings.stride[0] - m_settings.padding[0] + a;
            const Index w = column * m_settings.stride[1] - m_settings.padding[1] + b;
            if (h < 0 || h >= m_input[1] || w < 0 || w >= m_input[2]) continue;
            const float* cell = x + (h * m_input[2] + w) * channels;
            const float index = static_cast<float>(a * m_settings.kernel[1] + b);
            if (first)
              startMaximum(cell, index, channels, y + at, winner + at);
            else
              takeMaximum(cell, index, channels, y + at, winner + at);
            first = false;
          }
      }
  }
}

void MaxPool2d::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  const Index channels = m_input[0];
  for (Index i = 0; i < dx.rows; ++i) {
    float* out = dx.row(i);
    std::fill_n(out, dx.cols, 0.0f);
    const float* dy = cache.dy.row(i);
    const float* winner = cache.keptRow(i, cacheSize(0));
    for (Index row = 0; row < m_output[1]; ++row)
      for (Index column = 0; column < m_output[2]; ++column) {
        const Index at = (row * m_output[2] + column) * channels;
        for (Index a = 0; a < m_settings.kernel[0]; ++a)
          for (Index b = 0; b < m_settings.kernel[1]; ++b) {
            const Index h = row * m_settings.stride[0] - m_settings.padding[0] + a;
            const Index w = column * m_settings.stride[1] - m_settings.padding[1] + b;
            if (h < 0 || h >= m_input[1] || w < 0 || w >= m_input[2]) continue;
            addWhereWinner(dy + at, winner + at,
                           static_cast<float>(a * m_settings.kernel[1] + b), channels,
                           out + (h * m_input[2] + w) * channels);
          }
      }
  }
}

}  // namespace clipscope
