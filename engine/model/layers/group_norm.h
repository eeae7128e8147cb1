// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/layer.h"

namespace clipscope {

/// Group normalisation (Wu and He 2018, arXiv:1803.08494) of {C, H, W} or {C}: the channels are cut
/// into `groups` consecutive sets, and every example's set is standardised over its channels and
/// positions with the biased variance, x̂ = (x − μ)/√(v + ε), y = γ_c x̂ + β_c. It looks at one
/// example at a time, which is why DP-SGD can use it and cannot use batch normalisation.
/// Instance normalisation (Ulyanov et al. 2016, arXiv:1607.08022) is the case groups = C, and may
/// come without γ and β.
///
/// Per-sample gradients, formed in the backward pass: ∂γ_c = Σ_t dy x̂, ∂β_c = Σ_t dy.
class GroupNorm : public Layer {
 public:
  /// weight, bias −1: no γ, no β. Throws SpecError where groups do not divide the channels.
  GroupNorm(std::string_view kind, Index groups, Index channels, double epsilon, Shape input,
            std::shared_ptr<const ParameterTable> table, ParameterId weight, ParameterId bias);

  std::string_view kind() const override { return m_kind; }
  std::string describe() const override;
  Index work() const override { return 8 * m_input.size(); }
  bool takeRelu() override { return m_relu = true; }
  CacheSize cacheSize(Index maxRows) const override;

  void forward(const ParameterView&, LayerCache&, const DrawKey&) const override;
  void backward(const ParameterView&, View dx, LayerCache&) const override;
  void squaredNorms(LayerCache&, NormColumns out) const override;
  void addWeighted(LayerCache&, const FactorMatrix&, SumSet&) const override;
  void addPerSample(const LayerCache&, Index example, GradientSet&) const override;
  bool formedSquaredNorm(const LayerCache&, Index example, ParameterId id,
                         double& out) const override;

 private:
  /// What is kept of an example: one row of C floats each.
  struct Kept {
    float* mean;
    float* inverseStd;
    float* weightGradient;
    float* biasGradient;
  };
  Kept kept(const LayerCache& cache, Index example) const;
  /// body(c, ∂γ_c, ∂β_c) of one example for every channel, in double from x and dy alone.
  template <class Body>
  void formGradients(const LayerCache&, Index example, Body&& body) const;
  void forwardExample(const ParameterView&, LayerCache&, Index example) const;
  void backwardExample(const ParameterView&, View dx, LayerCache&, Index example) const;

  std::string m_kind;
  Index m_groups;
  Index m_channels;
  double m_epsilon;
  Index m_positions;
  ParameterId m_weight;
  ParameterId m_bias;
  bool m_relu = false;  ///< the output goes through a ReLU
};

}  // namespace clipscope
