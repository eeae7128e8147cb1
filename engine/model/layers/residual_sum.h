// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/layer.h"

namespace clipscope {

/// The end of a residual block (He et al. 2016, arXiv:1512.03385): y = x + shortcut, x being what
/// the branch gave. ∂y/∂x and ∂y/∂shortcut are the identity: backward hands dy to the branch, and
/// the Model hands the same dy to the shortcut.
class ResidualSum : public Layer {
 public:
  explicit ResidualSum(Shape input) : Layer(std::move(input)) { m_output = m_input; }

  std::string_view kind() const override { return "residual"; }
  std::string describe() const override { return "Residual sum"; }
  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;
};

}  // namespace clipscope
