// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/optimizer/buffered_optimizer.h"

namespace clipscope {

/// Adam (Kingma and Ba 2015, arXiv:1412.6980), AMSGrad (Reddi et al. 2018, arXiv:1904.09237) and
/// AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101) with PyTorch 1.13's semantics:
///   Adam:  g ← g + λθ;    AdamW:  θ ← (1 − ηλ)θ first, and no λ in g;
///   m ← β₁m + (1 − β₁)g;  v ← β₂v + (1 − β₂)g²;  AMSGrad: v̂ ← max(v̂, v), in the place of v below;
///   θ ← θ − η/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps).
/// η learning rate, λ weight decay, t counts from 1.
class Adam : public BufferedOptimizer {
 public:
  enum class Decay { Coupled, Decoupled };  ///< of Adam, of AdamW
  Adam(const OptimizerSettings& settings, Decay decay)
      : BufferedOptimizer(settings, 3), m_decay(decay) {}

  std::string_view name() const override { return m_decay == Decay::Coupled ? "adam" : "adamw"; }
  void beginStep(std::size_t size) override;
  void stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) override;

 private:
  Decay m_decay;
  float m_stepSize = 0;     ///< η/(1 − β₁ᵗ) of the step under way
  float m_rootInverse = 1;  ///< 1/√(1 − β₂ᵗ)
};

}  // namespace clipscope
