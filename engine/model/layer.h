// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model/parameters.h"
#include "engine/model/sum_set.h"
#include "engine/model/views.h"
#include "engine/tensor/draw_key.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// Floats that a layer keeps for each example between its passes, beyond its input, output and
/// their gradients, and floats of scratch that no pass leaves anything in.
struct CacheSize {
  Index keptPerExample = 0;  ///< statistics, winners, formed per-sample gradients
  Index scratch = 0;         ///< for a whole block; shared by all layers of a block
};

/// What one layer sees of one block. The model owns the memory; the layer owns nothing.
/// All rows of `kept` belong to one example each, so that an example can be blanked.
struct LayerCache {
  ConstView x;            ///< input
  ConstView shortcut;     ///< the second input, of a layer that joins two paths; else empty
  View y;                 ///< output
  View dy;                ///< ∂L_i/∂y_i, of the example's own loss: no averaging anywhere
  float* kept = nullptr;  ///< rows × CacheSize::keptPerExample
  float* scratch = nullptr;

  float* keptRow(Index example, const CacheSize& size) const {
    return kept + example * size.keptPerExample;
  }
};

/// A tensor's per-sample gradients as outer products, for a whole block: g_i = left_i ⊗ right_i,
/// row-major left × right; or g_i = left_i where right is null.
struct GradientFactors {
  ConstView left, right;
};

/// The parameters as a layer reads them: the values, and what prepare() made of them.
struct ParameterView {
  const Parameters& values;
  const float* prepared = nullptr;
};

/// One layer, bound to its input shape and its parameter ids, and nothing else: it holds neither
/// parameter values nor a batch, so that a step, an evaluation and a probe can share it, and one
/// object may serve several threads.
///
/// The passes come in this order for a block: forward, backward, squaredNorms, addWeighted; each
/// reads what the earlier ones left in the LayerCache. A block has at most `maxRows` examples
/// (compile()), often fewer; the count is x.rows.
///
/// Adding a layer: derive, register in layers/registry.cpp, and it is covered by the finite
/// difference and ghost-norm tests as soon as it is in their list.
class Layer {
 public:
  virtual ~Layer() = default;

  /// The type in a model's JSON: "linear", "conv2d", …
  virtual std::string_view kind() const = 0;
  /// One line for a person: "Conv 16→32, 4×4 /2".
  virtual std::string describe() const = 0;

  const Shape& inputShape() const { return m_input; }
  const Shape& outputShape() const { return m_output; }
  /// Ids of the tensors it reads, trainable or frozen.
  std::span<const ParameterId> parameters() const { return m_parameters; }

  /// Multiply-adds of a forward pass of one example; the schedule and the estimates use it.
  virtual Index work() const { return inputShape().size(); }
  /// True when a block should be a few examples that one thread carries through in its own cache
  /// (convolutions); false when it should be large and the threads share its products.
  virtual bool prefersSmallBlocks() const { return false; }

  /// A ReLU is the only reader of the output: from now on forward applies it too, in place, and the
  /// dy that backward gets is the ReLU's, which backward masks first of all (dx may be null). False
  /// where the layer cannot. Before compile().
  virtual bool takeRelu() { return false; }

  /// The output is the input as it lies: the layer need not run.
  virtual bool passesThrough() const { return false; }

  /// Creates what depends on the block's size; once, before any pass.
  virtual void compile(Index maxRows) { static_cast<void>(maxRows); }
  virtual CacheSize cacheSize(Index maxRows) const {
    static_cast<void>(maxRows);
    return {};
  }

  /// Floats of weights in the kernels' own layout, and their making: once a step, not once a block.
  virtual Index preparedSize() const { return 0; }
  virtual void prepare(const Parameters&, float* prepared) const { static_cast<void>(prepared); }

  /// y = f(x). `key` names the draws of layers that draw (dropout). In an evaluation nothing after
  /// forward is called, and `cache.dy` is null.
  virtual void forward(const ParameterView& parameters, LayerCache& cache,
                       const DrawKey& key) const = 0;
  /// dx = Jᵀ dy, example by example. `dx.data` is null when nobody below needs it.
  virtual void backward(const ParameterView& parameters, View dx, LayerCache& cache) const = 0;
  /// out(i, p) = ‖∂L_i/∂θ_p‖² for each trainable tensor p that it owns, accumulated in double; may
  /// form the gradients inside the cache. For a tensor with several uses the model asks
  /// addPerSample instead and overwrites the column.
  virtual void squaredNorms(LayerCache&, NormColumns out) const { static_cast<void>(out); }
  /// sums(s, p) += Σ_i f(i, s, p) g_ip, for every strategy s in one call. An example whose factor
  /// is exactly 0 is left out, not multiplied.
  virtual void addWeighted(LayerCache&, const FactorMatrix& factors, SumSet& sums) const {
    static_cast<void>(factors);
    static_cast<void>(sums);
  }
  /// Adds (never sets) the gradient of one example of the block, summed in double from x and dy and
  /// not from what squaredNorms formed: the independent witness of norms and sums.
  virtual void addPerSample(const LayerCache&, Index example, GradientSet& gradient) const {
    static_cast<void>(example);
    static_cast<void>(gradient);
  }

  /// ‖g_ip‖² of a tensor with one use, from entries formed one by one in double and not stored;
  /// false where the layer has no such shortcut and addPerSample must form the tensor.
  virtual bool formedSquaredNorm(const LayerCache&, Index example, ParameterId id,
                                 double& out) const {
    static_cast<void>(example);
    static_cast<void>(id);
    static_cast<void>(out);
    return false;
  }

  /// The block's gradients of one of its tensors in factors, where they are outer products: their
  /// inner products ⟨g_i, g_j⟩ = ⟨left_i, left_j⟩⟨right_i, right_j⟩ then need no gradient formed.
  /// False where the layer has no such form.
  virtual bool gradientFactors(const LayerCache&, ParameterId id, GradientFactors& out) const {
    static_cast<void>(id);
    static_cast<void>(out);
    return false;
  }

  /// The layout of a tensor in SumSet: its size, and the way back to PyTorch's layout.
  virtual Index packedSize(ParameterId id) const { return (*m_table)[id].size(); }
  virtual void unpack(ParameterId id, const float* packed, float* plain) const;
  /// True where that layout is PyTorch's for all tensors: nothing has to be unpacked.
  virtual bool sumsArePlain() const { return true; }

 protected:
  /// A layer without parameters.
  explicit Layer(Shape input) : m_input(std::move(input)) {}
  /// A layer that reads `parameters` of a table. The table may still grow when the layer is made;
  /// offsets and trainable indices are read from it when they are needed.
  Layer(Shape input, std::shared_ptr<const ParameterTable> table,
        std::vector<ParameterId> parameters)
      : m_input(std::move(input)), m_table(std::move(table)), m_parameters(std::move(parameters)) {}

  /// dy = 0 where y is: what backward begins with after takeRelu().
  static void maskRelu(LayerCache& cache);

  /// −1 for a frozen tensor, and for the id −1 of a tensor that the layer does not have.
  Index trainableIndex(ParameterId id) const { return id < 0 ? -1 : (*m_table)[id].trainableIndex; }

  Shape m_input;
  Shape m_output;
  std::shared_ptr<const ParameterTable> m_table;
  std::vector<ParameterId> m_parameters;
};

}  // namespace clipscope
