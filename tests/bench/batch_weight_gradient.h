// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "engine/model/views.h"
#include "engine/tensor/aligned_vector.h"
#include "engine/tensor/onednn.h"

namespace clipscope {

/// A convolution's weight and bias gradient summed over a block of examples, by oneDNN alone: what
/// a library without per-sample gradients does. Activations are channels last. One object may serve
/// several threads, each with its own Sum.
class BatchWeightGradient {
 public:
  struct Sum {
    AlignedVector<float> weight, bias;          ///< Σ over blocks, in oneDNN's layout
    AlignedVector<float> blockWeight, scratch;  ///< of the block in hand
  };

  /// `fields`: the layer's complete JSON; blocks have at most `rows` examples.
  BatchWeightGradient(const nlohmann::json& fields, const Shape& input, const Shape& output,
                      Index rows);

  Sum makeSum() const;
  void clear(Sum& sum) const;
  /// sum += Σ_i ∂L_i/∂(W, b) of the block.
  void add(const ConstView& x, const ConstView& dy, Sum& sum) const;
  /// The weight in PyTorch's layout.
  void unpack(const Sum& sum, float* weight, float* bias) const;

 private:
  /// The primitive for a block of one size.
  struct Primitive {
    dnnl::convolution_backward_weights::primitive_desc desc;
    dnnl::convolution_backward_weights run;
  };
  void addBlock(const Primitive& primitive, const float* x, const float* dy, Sum& sum) const;

  Index m_rows, m_positions, m_channels;
  bool m_bias;
  Primitive m_full, m_single;  ///< for `rows` examples and for one
  dnnl::memory::desc m_plain;
  dnnl::reorder m_fromFull;
};

}  // namespace clipscope
