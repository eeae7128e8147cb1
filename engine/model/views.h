// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

#include "engine/tensor/shape.h"

namespace clipscope {

/// A block of activations: `rows` examples of `cols` values each, contiguous. It owns nothing.
/// How the values of one example are ordered is said by Shape.
struct View {
  float* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  float* row(Index i) const { return data + i * cols; }
  Index size() const { return rows * cols; }
  explicit operator bool() const { return data != nullptr; }
};

struct ConstView {
  const float* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  ConstView() = default;
  ConstView(const float* d, Index r, Index c) : data(d), rows(r), cols(c) {}
  ConstView(const View& view) : data(view.data), rows(view.rows), cols(view.cols) {}  // NOLINT

  const float* row(Index i) const { return data + i * cols; }
  Index size() const { return rows * cols; }
};

/// Where a layer writes ‖∂L_i/∂θ_p‖² for the examples of a block: row i, trainable tensor p.
struct NormColumns {
  double* data = nullptr;
  Index rows = 0;
  Index tensors = 0;

  double& at(Index example, Index tensor) const { return data[example * tensors + tensor]; }
};

/// Weights of the sums Σ_i f_i g_i: for each example of a block, strategy and trainable tensor.
/// A weight of exactly 0 means "leave out" and is never multiplied: the values of that example may
/// be anything. `isOne(strategy)` marks the unclipped sum, whose weights are all 1 (or 0).
struct FactorMatrix {
  const float* data = nullptr;
  Index rows = 0;
  Index strategies = 0;
  Index tensors = 0;

  float at(Index example, Index strategy, Index tensor) const {
    return data[(example * strategies + strategy) * tensors + tensor];
  }
};

}  // namespace clipscope
