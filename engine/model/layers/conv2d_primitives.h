// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/layers/conv2d.h"
#include "engine/tensor/onednn.h"

namespace clipscope {

/// oneDNN's three convolutions for one Conv2d: forward and backward-data on whole blocks, backward-
/// weights on one example, whose result is that example's gradient. Activations are channels last;
/// weights are in whatever layout oneDNN prefers, and are brought there once a step.
struct Conv2d::Primitives {
  Primitives(const Conv2dSettings& settings, const Shape& input, const Shape& output, Index rows);

  dnnl::convolution_forward::primitive_desc forwardDesc;
  dnnl::convolution_backward_data::primitive_desc backwardDesc;
  dnnl::convolution_backward_weights::primitive_desc weightsDesc;
  dnnl::convolution_forward forward;
  dnnl::convolution_backward_data backward;
  dnnl::convolution_backward_weights weights;
  dnnl::memory::desc plainWeights;  ///< PyTorch's layout
  dnnl::reorder toForward, toBackward, fromGradient;

  /// Floats of the weights as forward and backward-data read them, and of a formed gradient.
  Index forwardSize() const { return floats(forwardDesc.weights_desc()); }
  Index backwardSize() const { return floats(backwardDesc.weights_desc()); }
  Index gradientSize() const { return floats(weightsDesc.diff_weights_desc()); }
  Index scratch() const;

  static Index floats(const dnnl::memory::desc& desc) {
    return (static_cast<Index>(desc.get_size() / sizeof(float)) + 15) / 16 * 16;
  }
};

}  // namespace clipscope
