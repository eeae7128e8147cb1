// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/optimizer/buffered_optimizer.h"

namespace clipscope {

/// Adagrad (Duchi, Hazan, Singer 2011, JMLR 12) with PyTorch 1.13's semantics:
///   g ← g + λθ;  s ← s + g², from the initial value;  θ ← θ − η/(1 + (t − 1)ρ) · g/(√s + eps).
/// η learning rate, λ weight decay, ρ learning rate decay, t counts from 1.
class Adagrad : public BufferedOptimizer {
 public:
  explicit Adagrad(const OptimizerSettings& settings) : BufferedOptimizer(settings, 1) {}

  std::string_view name() const override { return "adagrad"; }
  void beginStep(std::size_t size) override;
  void stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) override;

 private:
  float m_rate = 0;  ///< η/(1 + (t − 1)ρ) of the step under way
};

}  // namespace clipscope
