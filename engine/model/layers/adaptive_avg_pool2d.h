// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "engine/model/layer.h"

namespace clipscope {

/// The mean of each bin of a grid laid over the image: of H rows, bin i of h takes the rows from
/// ⌊iH/h⌋ up to, not including, ⌈(i+1)H/h⌉; columns likewise. As PyTorch's AdaptiveAvgPool2d: bins
/// may share cells, and there may be more bins than cells.
class AdaptiveAvgPool2d : public Layer {
 public:
  /// `output`: {height, width}, each from 1.
  AdaptiveAvgPool2d(const std::array<Index, 2>& output, Shape input);

  std::string_view kind() const override { return "adaptive_avgpool2d"; }
  std::string describe() const override;
  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;

 private:
  /// Calls body(output position, input position, 1/cells of the bin) for every cell of every bin.
  template <class Body>
  void forCells(Body&& body) const;
};

}  // namespace clipscope
