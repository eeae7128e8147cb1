// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/layer.h"

namespace clipscope {

/// Layer normalisation (Ba, Kiros and Hinton 2016, arXiv:1607.06450) over the trailing extents
/// `shape` of the input: x̂ = (x − μ)/√(v + ε) with the biased variance, y = γ x̂ + β element by
/// element. {D} and {T, D} are normalised over D at each position; an image over all of {C, H, W}.
/// Per-sample gradients, formed in the backward pass: ∂γ = Σ_t dy x̂, ∂β = Σ_t dy.
class LayerNorm : public Layer {
 public:
  /// weight, bias −1: no γ, no β. Throws SpecError where `shape` is not the input's tail.
  LayerNorm(Shape shape, double epsilon, Shape input, std::shared_ptr<const ParameterTable> table,
            ParameterId weight, ParameterId bias);

  std::string_view kind() const override { return "layernorm"; }
  std::string describe() const override;
  Index work() const override { return 8 * m_input.size(); }
  CacheSize cacheSize(Index maxRows) const override;
  Index preparedSize() const override;
  void prepare(const Parameters&, float* prepared) const override;

  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;
  void squaredNorms(LayerCache&, NormColumns out) const override;
  void addWeighted(LayerCache&, const FactorMatrix&, SumSet&) const override;
  void addPerSample(const LayerCache&, Index example, GradientSet&) const override;
  void unpack(ParameterId id, const float* packed, float* plain) const override;
  bool sumsArePlain() const override { return m_area == 1; }

 private:
  /// γ and β in the order of an example's values; null where there is none.
  struct Affine {
    const float* gamma;
    const float* beta;
  };
  Affine affine(const ParameterView& parameters) const;
  struct Kept {
    float* mean;            ///< a value a position
    float* inverseStd;      ///< a value a position
    float* weightGradient;  ///< in the order of an example's values, as the sums are
    float* biasGradient;
  };
  Kept kept(const LayerCache& cache, Index example) const;
  /// Where value j of a position (channels last for an image) lies in γ and β (PyTorch's order).
  Index parameterIndex(Index j) const;

  Shape m_shape;
  double m_epsilon;
  Index m_width = 0;
  Index m_positions = 0;
  Index m_area = 1;  ///< pixels of an image's channel; 1 for others
  ParameterId m_weight;
  ParameterId m_bias;
};

}  // namespace clipscope
