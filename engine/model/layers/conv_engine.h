// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "engine/model/layers/conv2d.h"
#include "engine/model/views.h"

namespace clipscope {

/// How a Conv2d computes: forward and backward over the examples of a block, and one example's
/// weight gradient, on one thread. Activations are channels last; weights and gradients lie as the
/// engine likes best. `scratch` has scratchSize() floats that no call leaves anything in.
class ConvEngine {
 public:
  virtual ~ConvEngine() = default;

  virtual Index preparedSize() const = 0;
  virtual Index scratchSize() const = 0;
  /// Floats of a formed gradient and of its sums; what fills it up is 0.
  virtual Index gradientSize() const = 0;

  /// From PyTorch's layouts; `bias` may be null.
  virtual void prepare(const float* weights, const float* bias, float* prepared) const = 0;
  /// y = x ∗ W + b, and with `relu` 0 for what is below.
  virtual void forward(const float* prepared, ConstView x, bool relu, View y,
                       float* scratch) const = 0;
  /// dx_i = Jᵀ dy_i.
  virtual void backward(const float* prepared, ConstView dy, View dx, float* scratch) const = 0;
  /// One example's ∂W; returns ‖∂W‖², added up in double.
  virtual double gradient(const float* x, const float* dy, float* gradient,
                          float* scratch) const = 0;
  /// A gradient, or a sum of some, in PyTorch's layout.
  virtual void unpack(const float* packed, float* plain) const = 0;
};

/// Made by oneDNN, for blocks of `rows` examples: any geometry.
std::unique_ptr<ConvEngine> makeOneDnnConvolution(const Conv2dSettings& settings,
                                                  const Shape& input, const Shape& output,
                                                  Index rows);

/// Made of tensor/conv_kernels, example by example: one group, no dilation.
std::unique_ptr<ConvEngine> makeTiledConvolution(const Conv2dSettings& settings, const Shape& input,
                                                 const Shape& output);

/// The faster of the two: tiles, but for what they cannot do, and for weights that do not fit into
/// a core's cache, which oneDNN walks through in blocks.
std::unique_ptr<ConvEngine> makeConvEngine(const Conv2dSettings& settings, const Shape& input,
                                           const Shape& output, Index rows);

}  // namespace clipscope
