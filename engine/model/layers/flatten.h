// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/layer.h"

namespace clipscope {

/// All values of an example as one row, in PyTorch's order: an image, stored channels last, comes
/// out channel by channel, so that a following Linear has PyTorch's weights.
class Flatten : public Layer {
 public:
  explicit Flatten(Shape input) : Layer(std::move(input)) { m_output = Shape{m_input.size()}; }

  std::string_view kind() const override { return "flatten"; }
  std::string describe() const override { return "Flatten"; }

  /// An image of one channel, or of one position, lies as its row does.
  bool passesThrough() const override {
    return m_input.rank() < 3 || m_input[0] == 1 || m_input[1] * m_input[2] == 1;
  }

  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;

 private:
  Index channels() const;
  Index area() const;
};

}  // namespace clipscope
