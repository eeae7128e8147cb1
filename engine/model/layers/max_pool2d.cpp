// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/max_pool2d.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/model/layers/window.h"

namespace clipscope {

namespace {
/// A window's cells are numbered in floats.
constexpr Index mostCells = Index{1} << 24;
}  // namespace

MaxPool2d::MaxPool2d(const MaxPool2dSettings& settings, Shape input)
    : Layer(std::move(input)), m_settings(settings) {
  const auto [height, width] =
      windowedExtent(m_input, settings.kernel, settings.stride, settings.padding, {1, 1});
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (2 * settings.padding[axis] > settings.kernel[axis])
      throw SpecError("is padded by more than half of its kernel");
  if (settings.kernel[0] * settings.kernel[1] > mostCells)
    throw SpecError("its window " + pairText(settings.kernel) + " has more than " +
                    std::to_string(mostCells) + " cells");
  m_output = Shape{m_input[0], height, width};
}

std::string MaxPool2d::describe() const {
  return "MaxPool " + pairText(m_settings.kernel) + " " + strideText(m_settings.stride);
}

CacheSize MaxPool2d::cacheSize(Index) const {
  // The window cell that won, one a value.
  return {m_output.size(), 0};
}

PoolGeometry MaxPool2d::geometry() const {
  PoolGeometry g{m_input[0], m_input[1], m_input[2], m_output[1], m_output[2]};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    g.kernel[axis] = m_settings.kernel[axis];
    g.stride[axis] = m_settings.stride[axis];
    g.padding[axis] = m_settings.padding[axis];
  }
  return g;
}

void MaxPool2d::forward(const ParameterView&, LayerCache& cache, const DrawKey&) const {
  const PoolGeometry pool = geometry();
  for (Index i = 0; i < cache.x.rows; ++i)
    maxPoolForward(pool, cache.x.row(i), cache.y.row(i), cache.keptRow(i, cacheSize(0)));
}

void MaxPool2d::backward(const ParameterView&, View dx, LayerCache& cache) const {
  if (!dx) return;
  const PoolGeometry pool = geometry();
  for (Index i = 0; i < dx.rows; ++i)
    maxPoolBackward(pool, cache.dy.row(i), cache.keptRow(i, cacheSize(0)), dx.row(i));
}

}  // namespace clipscope
