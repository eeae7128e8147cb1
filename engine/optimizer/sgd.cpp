// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/sgd.h"

#include <Eigen/Core>

#include "engine/tensor/vector_kernels.h"

namespace clipscope {

void Sgd::beginStep(std::size_t size) {
  ++m_steps;
  if (m_settings.momentum == 0) m_velocity.clear();
  m_first = m_velocity.size() != size;
  if (m_first && m_settings.momentum != 0) m_velocity.assign(size, 0.0f);
}

void Sgd::stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) {
  const auto size = static_cast<Index>(parameters.size());
  using Array = Eigen::Map<Eigen::ArrayXf>;
  using ConstArray = Eigen::Map<const Eigen::ArrayXf>;
  const auto rate = static_cast<float>(m_settings.learningRate);
  const auto decay = static_cast<float>(m_settings.weightDecay);
  const auto momentum = static_cast<float>(m_settings.momentum);
  const auto kept = static_cast<float>(1.0 - m_settings.dampening);
  Array theta(parameters.data(), size);
  const ConstArray given(gradient.data(), size);
  if (momentum == 0.0f && decay == 0.0f) {
    addScaled(-rate, gradient.data(), parameters.data(), size);
    return;
  }
  if (momentum == 0.0f) {
    theta -= rate * (given + decay * theta);
    return;
  }
  Array velocity(m_velocity.data() + from, size);
  if (m_first)
    velocity = given + decay * theta;
  else
    velocity = momentum * velocity + kept * (given + decay * theta);
  if (m_settings.nesterov)
    theta -= rate * ((given + decay * theta) + momentum * velocity);
  else
    theta -= rate * velocity;
}

std::optional<float> Sgd::plainRate() const {
  if (m_settings.momentum != 0 || m_settings.weightDecay != 0) return std::nullopt;
  return static_cast<float>(m_settings.learningRate);
}

OptimizerState Sgd::state() const { return {m_steps, {m_velocity}}; }

void Sgd::setState(OptimizerState state) {
  m_steps = state.steps;
  m_velocity = state.buffers.empty() ? AlignedVector<float>{} : std::move(state.buffers.front());
}

}  // namespace clipscope
