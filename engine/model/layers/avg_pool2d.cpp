// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/avg_pool2d.h"

#include "engine/error.h"
#include "engine/model/layers/window.h"

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

PoolGeometry AvgPool2d::geometry() const {
  PoolGeometry g{m_input[0], m_input[1], m_input[2], m_output[1], m_output[2]};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    g.kernel[axis] = m_settings.kernel[axis];
    g.stride[axis] = m_settings.stride[axis];
    g.padding[axis] = m_settings.padding[axis];
  }
  return g;
}

void AvgPool2d::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  const PoolGeometry pool = geometry();
  for (Index i = 0; i < cache.x.rows; ++i)
    meanPoolForward(pool, m_settings.countIncludePad, cache.x.row(i), cache.y.row(i));
}

void AvgPool2d::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  const PoolGeometry pool = geometry();
  for (Index i = 0; i < dx.rows; ++i)
    meanPoolBackward(pool, m_settings.countIncludePad, cache.dy.row(i), dx.row(i));
}

}  // namespace clipscope
