// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/adam.h"

#include <Eigen/Core>
#include <cmath>

namespace clipscope {

namespace {

constexpr std::size_t firstMoment = 0, secondMoment = 1, largestMoment = 2;

/// 1 − βᵗ, exact also where β is near 1. 1 for β = 0.
double correction(double beta, double t) {
  return beta == 0 ? 1.0 : -std::expm1(t * std::log(beta));
}

}  // namespace

void Adam::beginStep(std::size_t size) {
  countStep();
  prepare(firstMoment, true, size);
  prepare(secondMoment, true, size);
  prepare(largestMoment, settings().amsgrad, size);
  m_stepSize = static_cast<float>(settings().learningRate / correction(settings().beta1, steps()));
  m_rootInverse = static_cast<float>(1.0 / std::sqrt(correction(settings().beta2, steps())));
}

void Adam::stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) {
  const auto size = static_cast<Index>(parameters.size());
  using Array = Eigen::Map<Eigen::ArrayXf>;
  using ConstArray = Eigen::Map<const Eigen::ArrayXf>;
  const OptimizerSettings& s = settings();
  const auto beta1 = static_cast<float>(s.beta1), beta2 = static_cast<float>(s.beta2);
  const auto rest1 = static_cast<float>(1 - s.beta1), rest2 = static_cast<float>(1 - s.beta2);
  const auto eps = static_cast<float>(s.eps);
  const bool coupled = m_decay == Decay::Coupled;
  const float decay = coupled ? static_cast<float>(s.weightDecay) : 0.0f;
  Array theta(parameters.data(), size);
  const ConstArray given(gradient.data(), size);
  if (!coupled && s.weightDecay != 0)
    theta *= static_cast<float>(1 - s.learningRate * s.weightDecay);
  Array m(buffer(firstMoment) + from, size), v(buffer(secondMoment) + from, size);
  m = beta1 * m + rest1 * (given + decay * theta);
  v = beta2 * v + rest2 * (given + decay * theta).square();
  if (s.amsgrad) {
    Array largest(buffer(largestMoment) + from, size);
    largest = largest.max(v);
    theta -= m_stepSize * m / (largest.sqrt() * m_rootInverse + eps);
  } else {
    theta -= m_stepSize * m / (v.sqrt() * m_rootInverse + eps);
  }
}

}  // namespace clipscope
