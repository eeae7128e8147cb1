// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/model/layer.h"

namespace clipscope {

/// y_t = W x_t + b, W {out, in}, for an input {in} (one position) or {T, in} (T positions).
///
/// Norms (Goodfellow 2015, arXiv:1510.01799; Li et al. 2021, arXiv:2110.05679): one position
/// ‖∂W‖² = ‖x‖²‖δ‖²; T positions ‖∂W‖² = ⟨XXᵀ, ΔΔᵀ⟩, or Δᵀ X formed, whichever costs less (Bu et
/// al. 2022, arXiv:2205.10683). The Gram form cancels in float: below 1e-4·‖X‖²‖Δ‖² the product is
/// formed after all. ‖∂b‖² = ‖Σ_t δ_t‖²: the positions are summed before the norm is taken.
/// The sum Σ f_i g_i is one product Δᵀ diag(f) X (book-keeping, Bu et al. 2022, arXiv:2210.00038).
class Linear : public Layer {
 public:
  /// bias −1: none. Throws SpecError where `inputs` does not fit the input's last extent.
  Linear(Index inputs, Index outputs, Shape input, std::shared_ptr<const ParameterTable> table,
         ParameterId weight, ParameterId bias);

  std::string_view kind() const override { return "linear"; }
  std::string describe() const override;
  Index work() const override { return m_positions * m_inputs * m_outputs; }
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
  bool gradientFactors(const LayerCache&, ParameterId id, GradientFactors& out) const override;

 private:
  /// With this many rows or fewer the forward product turns over x instead of W.
  static constexpr Index mostFewRows = 64;
  /// In blocks of this many examples or fewer W is turned over once a step, not once a block.
  static constexpr Index smallBlock = 16;

  /// gradient = Δᵀ X over `rows` rows of both, or added to it.
  void formGradient(const float* x, const float* delta, Index rows, bool adds,
                    float* gradient) const;
  void addWeights(LayerCache&, const FactorMatrix&, Index strategy, SumSet& sums) const;
  double weightSquaredNorm(const float* x, const float* delta, float* scratch) const;
  double gramSquaredNorm(const float* x, const float* delta, float* scratch) const;
  double formedSquaredNorm(const float* x, const float* delta, float* scratch) const;
  double biasSquaredNorm(const float* delta) const;
  bool gramIsCheaper() const;

  Index m_inputs;
  Index m_outputs;
  Index m_positions;
  ParameterId m_weight;
  ParameterId m_bias;
  bool m_prepares = false;  ///< blocks are small
  Index m_chains = 1;       ///< of the forward product
  bool m_relu = false;      ///< the output goes through a ReLU
};

}  // namespace clipscope
