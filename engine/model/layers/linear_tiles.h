// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/conv_kernels.h"

namespace clipscope {

/// The products of a Linear over few rows, made of tensor/conv_kernels: a row is a position, and
/// the inputs are its only run. A general matrix product spends more on such shapes than they take.
class LinearTiles {
 public:
  /// More rows than this are better off with the general product.
  static constexpr Index mostRows = 16;

  LinearTiles() = default;
  LinearTiles(Index inputs, Index outputs);

  /// Floats of what prepare() makes of W {out, in} and the bias, which may be null.
  Index preparedSize() const;
  void prepare(const float* weights, const float* bias, float* prepared) const;
  /// y = x Wᵀ + b, and with `relu` 0 for what is below.
  void forward(const float* prepared, const float* x, Index rows, bool relu, float* y) const;
  /// dx = dy W
  void backward(const float* prepared, const float* dy, Index rows, float* dx) const;

  /// Floats of a row of `delta` below: the outputs in whole panels.
  Index deltaWidth() const { return convPanels(m_outputs) * convPanel; }
  /// Floats of a sum of weight gradients.
  Index sumSize() const { return m_inputs * deltaWidth(); }
  /// sum += deltaᵀ x; what fills up a row of delta is 0.
  void addProduct(const float* x, const float* delta, Index rows, float* sum) const;
  /// A sum as {out, in}.
  void unpack(const float* sum, float* plain) const;

 private:
  Index m_inputs = 0;
  Index m_outputs = 0;
};

}  // namespace clipscope
