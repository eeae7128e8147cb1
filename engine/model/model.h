// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/block_cache.h"
#include "engine/model/layer.h"
#include "engine/model/loss.h"
#include "engine/model/model_parts.h"
#include "engine/model/parameters.h"
#include "engine/model/sum_set.h"

namespace clipscope {

/// How a batch is cut into blocks.
struct BlockPlan {
  Index rows = 1;  ///< examples a block at most
  /// true: each thread carries whole blocks through on its own (convolutions, whose working set
  /// then stays in the core's cache); false: blocks come one after the other and the threads share
  /// the products inside (dense layers).
  bool threadPerBlock = false;
  Index threads = 1;  ///< where threads carry blocks, as many for each

  /// Number of blocks for a batch, and the rows [first, last) of block `block`, which differ by at
  /// most one: a last block of a few rows would pay a whole pass over the weights for them. A pure
  /// function of the batch's size: the same bits however the step is driven.
  Index count(Index batch) const;
  std::pair<Index, Index> range(Index batch, Index block) const;
  /// Rows of its largest block, at least 1; where threads carry blocks always `rows`.
  Index rowsFor(Index batch) const;
};

/// The weights as the layers' kernels read them, made once from Parameters. Refers to `values`.
struct PreparedParameters {
  const Parameters* values = nullptr;
  AlignedVector<float> packed;
};

/// A feed-forward network, residual blocks included, with a per-example loss, compiled for one
/// input shape and block plan. Immutable and thread-safe after construction; it holds no parameter
/// values.
///
/// JSON: {"layers": [{"type": "linear", "name": "fc1", "in": 784, "out": 10, "bias": true}, …],
/// "loss": "cross_entropy", "frozen": ["fc1.bias"]}. The layer types and their fields are those of
/// the reference files (interchange/reference_format.md); in/in_channels/channels may be left out
/// and then follow from the input. Names may be left out (conv1, conv2, fc1, …). A block
/// {"type": "residual", "layers": […], "shortcut": […]} is y = layers(x) + shortcut(x), without a
/// shortcut + x; its layers stand in the model like any other, with flat names.
class Model {
 public:
  /// Throws SpecError with the layer's position, name and the reason. `physicalLimit`: the largest
  /// block wanted, 0 for the model's choice.
  static std::shared_ptr<const Model> fromSpec(const nlohmann::json& spec, const Shape& input,
                                               Index physicalLimit = 0);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const Shape& inputShape() const { return m_parts.input; }
  const Shape& outputShape() const { return m_layers.back()->outputShape(); }
  const Loss& loss() const { return *m_parts.loss; }
  const nlohmann::json& spec() const { return m_parts.spec; }
  const ParameterTable& table() const { return *m_table; }
  std::shared_ptr<const ParameterTable> sharedTable() const { return m_table; }
  /// The layers as the spec nests them.
  const std::vector<LayerDescription>& description() const { return m_parts.description; }
  /// A name for each layer that the passes run, in their order.
  std::vector<std::string> layerNames() const { return m_parts.layerNames(); }
  const BlockPlan& plan() const { return m_plan; }
  /// Bytes that one example takes in a BlockCache.
  Index bytesPerExample() const { return m_floatsPerExample * Index{sizeof(float)}; }

  /// A cache for blocks of the plan, or, for a look at a few examples, of fewer rows.
  BlockCache makeCache(Index rows = 0) const;
  void prepare(const Parameters& values, PreparedParameters& prepared) const;

  /// The passes over one block, in this order. `cache.rows` and `cache.input` are set by the
  /// caller. Denormals are 0 in all of them, and in the caller's arithmetic what they were.
  void forward(const PreparedParameters& parameters, BlockCache& cache, const DrawKey& key) const;
  /// Losses and predictions, and the gradient at the output, which backward starts from.
  void evaluateLoss(BlockCache& cache, const Targets& targets, float* losses,
                    int* predictions) const;
  void backward(const PreparedParameters& parameters, BlockCache& cache) const;
  /// out(i, p) = ‖∂L_i/∂θ_p‖² for every trainable tensor.
  void squaredNorms(BlockCache& cache, NormColumns out) const;
  /// Replaces every value that the cache holds of an example by 0, so that nothing of it (a NaN
  /// times a factor 0, say) can reach a sum.
  void blank(BlockCache& cache, Index example) const;
  /// sums += Σ_i f_i g_i for each strategy.
  void addWeighted(BlockCache& cache, const FactorMatrix& factors, SumSet& sums) const;
  /// gradient += g_i, after backward; independent of squaredNorms.
  void addPerSample(const BlockCache& cache, Index example, GradientSet& gradient) const;
  /// The block's gradients of one trainable tensor as outer products; false where they must be
  /// formed (other layers, several uses). After backward; the views last as long as the block.
  bool gradientFactors(const BlockCache& cache, Index tensor, GradientFactors& out) const;
  /// ‖g_ip‖² by trainable tensor, from the gradient formed in double: the witness that norms and
  /// factors are held against. `scratch` is overwritten.
  void formedSquaredNorms(const BlockCache& cache, Index example, GradientSet& scratch,
                          std::span<double> out) const;

  SumSet makeSums(Index strategies) const;
  /// The same without room for the tensors marked in `without`, whose factors must be 0 throughout.
  SumSet makeSums(Index strategies, const std::vector<bool>& without) const;
  /// One strategy's sum in PyTorch's layout, as Parameters::trainable() is laid out; padding is 0.
  void unpack(const SumSet& sums, Index strategy, std::span<float> trainable) const;
  /// True where a SumSet of makeSums(strategies) is laid out so already.
  bool sumsArePlain() const { return m_sumsArePlain; }

 private:
  explicit Model(ModelParts parts)
      : m_parts(std::move(parts)), m_layers(m_parts.layers), m_table(m_parts.table) {}
  void planBlocks(Index physicalLimit);

  ModelParts m_parts;
  const std::vector<std::unique_ptr<Layer>>& m_layers;  ///< of m_parts
  std::shared_ptr<const ParameterTable> m_table;
  /// Who else gives a value's gradient, for each layer: false where it is the first to write it.
  struct Adds {
    bool input = false, shortcut = false;
  };
  std::vector<bool> m_needsGradient;  ///< of a layer's output
  std::vector<Adds> m_adds;
  std::vector<Index> m_preparedOffset;
  std::vector<int> m_owner;     ///< by trainable index: a layer that has the tensor
  std::vector<int> m_firstUse;  ///< by trainable index: the first layer that has it
  std::vector<Index> m_shared;  ///< trainable indices with several uses
  Index m_preparedSize = 0;
  Index m_floatsPerExample = 0;
  bool m_sumsArePlain = true;
  BlockPlan m_plan;
};

}  // namespace clipscope
