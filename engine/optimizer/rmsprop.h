// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/optimizer/buffered_optimizer.h"

namespace clipscope {

/// RMSprop (Tieleman and Hinton 2012, lecture 6.5; centred: Graves 2013, arXiv:1308.0850) with
/// PyTorch 1.13's semantics:
///   g ← g + λθ;  s ← αs + (1 − α)g²;  centred: a ← αa + (1 − α)g and s − a² in the place of s;
///   u = g/(√s + eps);  with momentum v ← μv + u and v in the place of u;  θ ← θ − ηu.
/// s − a² is held at 0 where rounding takes it below (PyTorch's is NaN there).
class RmsProp : public BufferedOptimizer {
 public:
  explicit RmsProp(const OptimizerSettings& settings) : BufferedOptimizer(settings, 3) {}

  std::string_view name() const override { return "rmsprop"; }
  void beginStep(std::size_t size) override;
  void stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) override;
};

}  // namespace clipscope
