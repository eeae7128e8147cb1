// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "engine/model/layer.h"
#include "engine/tensor/pool_kernels.h"

namespace clipscope {

/// Pairs are {height, width}.
struct MaxPool2dSettings {
  std::array<Index, 2> kernel{2, 2};
  std::array<Index, 2> stride{2, 2};
  std::array<Index, 2> padding{0, 0};
};

/// The largest value of each window; padding counts as −∞. Where several are equal the first in
/// row-major order takes the gradient, as in PyTorch; a NaN wins over any number.
class MaxPool2d : public Layer {
 public:
  /// Throws SpecError where the window does not fit, is padded by more than half of itself, or has
  /// more than 2^24 cells.
  MaxPool2d(const MaxPool2dSettings& settings, Shape input);

  std::string_view kind() const override { return "maxpool2d"; }
  std::string describe() const override;
  CacheSize cacheSize(Index maxRows) const override;
  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;

 private:
  PoolGeometry geometry() const;

  MaxPool2dSettings m_settings;
};

}  // namespace clipscope
