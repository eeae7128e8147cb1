// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>

#include "engine/model/layer.h"

namespace clipscope {

/// Pairs are {height, width}.
struct Conv2dSettings {
  Index inChannels = 1;
  Index outChannels = 1;
  std::array<Index, 2> kernel{1, 1};
  std::array<Index, 2> stride{1, 1};
  std::array<Index, 2> padding{0, 0};
  std::array<Index, 2> dilation{1, 1};
  Index groups = 1;
  bool bias = true;
};

class ConvEngine;

/// Two-dimensional cross-correlation, PyTorch's Conv2d with zero padding; weights {O, I/groups, kh,
/// kw}. A few examples go through at a time on one thread, in its cache.
///
/// The per-sample gradient ∂W_i[o, k] = Σ_t δ_i[t, o] x_i[window t, k] is formed once, by
/// squaredNorms, and kept for the weighted sum: at the usual shapes that costs fewer operations
/// than the ghost norm (T² (K + O) against T K O, Bu et al. 2022, arXiv:2205.10683), and the sum
/// then costs one addition a weight. ∂b_i = Σ_t δ_i[t] likewise.
class Conv2d : public Layer {
 public:
  /// bias −1: none. Throws SpecError where channels, groups or kernel do not fit the input.
  Conv2d(const Conv2dSettings& settings, Shape input, std::shared_ptr<const ParameterTable> table,
         ParameterId weight, ParameterId bias);
  ~Conv2d() override;

  static Shape weightShape(const Conv2dSettings& settings);

  std::string_view kind() const override { return "conv2d"; }
  std::string describe() const override;
  Index work() const override;
  bool prefersSmallBlocks() const override { return true; }
  bool takeRelu() override { return m_relu = true; }
  void compile(Index maxRows) override;
  CacheSize cacheSize(Index maxRows) const override;
  Index preparedSize() const override;
  void prepare(const Parameters&, float* prepared) const override;

  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;
  void squaredNorms(LayerCache&, NormColumns out) const override;
  void addWeighted(LayerCache&, const FactorMatrix&, SumSet&) const override;
  void addPerSample(const LayerCache&, Index example, GradientSet&) const override;
  bool formedSquaredNorm(const LayerCache&, Index example, ParameterId id,
                         double& out) const override;
  Index packedSize(ParameterId id) const override;
  void unpack(ParameterId id, const float* packed, float* plain) const override;
  bool sumsArePlain() const override { return false; }

 private:
  /// Adds ∂b of one example in double.
  void formBias(const LayerCache&, Index example, std::span<double> out) const;
  /// ∂W of one example in double, in the thread's scratch: [kernel cell][group] × sums of outer
  /// products of outputs and inputs of the group, the longer of the two innermost.
  std::span<const double> formWeights(const LayerCache&, Index example) const;
  bool outputsInside() const { return m_settings.outChannels > m_settings.inChannels; }

  Conv2dSettings m_settings;
  ParameterId m_weight;
  ParameterId m_bias;
  bool m_relu = false;                   ///< the output goes through a ReLU
  std::unique_ptr<ConvEngine> m_engine;  ///< from compile() on
};

}  // namespace clipscope
