// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/optimizer/optimizer.h"

namespace clipscope {

/// Stochastic gradient descent with PyTorch 1.13's semantics:
///   g ← g + λθ;  v ← g on the first step, then μv + (1 − τ)g;
///   g ← g + μv (Nesterov) or v;  θ ← θ − ηg.
/// η learning rate, μ momentum, τ dampening, λ weight decay. Without momentum there is no buffer.
class Sgd : public Optimizer {
 public:
  explicit Sgd(const OptimizerSettings& settings) : m_settings(settings) {}

  std::string_view name() const override { return "sgd"; }
  void beginStep(std::size_t size) override;
  void stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) override;
  std::optional<float> plainRate() const override;
  double learningRate() const override { return m_settings.learningRate; }
  void setLearningRate(double rate) override { m_settings.learningRate = rate; }
  OptimizerState state() const override;
  void setState(OptimizerState state) override;

 private:
  OptimizerSettings m_settings;
  AlignedVector<float> m_velocity;
  Index m_steps = 0;
  bool m_first = false;  ///< the step under way has no velocity from before
};

}  // namespace clipscope
