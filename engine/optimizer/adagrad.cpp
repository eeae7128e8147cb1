// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/adagrad.h"

#include <Eigen/Core>

namespace clipscope {

void Adagrad::beginStep(std::size_t size) {
  countStep();
  prepare(0, true, size, static_cast<float>(settings().initialAccumulator));
  m_rate = static_cast<float>(settings().learningRate /
                              (1 + (steps() - 1) * settings().learningRateDecay));
}

void Adagrad::stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) {
  const auto size = static_cast<Index>(parameters.size());
  using Array = Eigen::Map<Eigen::ArrayXf>;
  using ConstArray = Eigen::Map<const Eigen::ArrayXf>;
  const auto decay = static_cast<float>(settings().weightDecay);
  const auto eps = static_cast<float>(settings().adagradEps);
  Array theta(parameters.data(), size), s(buffer(0) + from, size);
  const ConstArray given(gradient.data(), size);
  s += (given + decay * theta).square();
  theta -= m_rate * (given + decay * theta) / (s.sqrt() + eps);
}

}  // namespace clipscope
