// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "engine/model/layer.h"
#include "engine/tensor/pool_kernels.h"

namespace clipscope {

/// Pairs are {height, width}.
struct AvgPool2dSettings {
  std::array<Index, 2> kernel{2, 2};
  std::array<Index, 2> stride{2, 2};
  std::array<Index, 2> padding{0, 0};
  bool countIncludePad = true;  ///< divide by the whole window, padding included
};

/// The mean of each window; zeros stand in the padding and count in the divisor, unless
/// countIncludePad is off (PyTorch's count_include_pad).
class AvgPool2d : public Layer {
 public:
  /// Throws SpecError where the window does not fit, or is padded by more than half of itself.
  AvgPool2d(const AvgPool2dSettings& settings, Shape input);

  std::string_view kind() const override { return "avgpool2d"; }
  std::string describe() const override;
  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;

 private:
  PoolGeometry geometry() const;

  AvgPool2dSettings m_settings;
};

}  // namespace clipscope
