// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/sgd.h"

#include <Eigen/Core>
#include <cassert>

namespace clipscope {

void Sgd::step(std::span<float> parameters, std::span<const float> gradient) {
  assert(parameters.size() == gradient.size());
  using Array = Eigen::Map<Eigen::ArrayXf>;
  using ConstArray = Eigen::Map<const Eigen::ArrayXf>;
  const auto size = static_cast<Eigen::Index>(parameters.size());
  Array theta(parameters.data(), size);
  const ConstArray given(gradient.data(), size);
  const auto rate = static_cast<float>(m_settings.learningRate);
  const auto decay = static_cast<float>(m_settings.weightDecay);
  const auto momentum = static_cast<float>(m_settings.momentum);
  const auto kept = static_cast<float>(1.0 - m_settings.dampening);
  ++m_steps;
  if (momentum == 0.0f) {
    m_velocity.clear();
    theta -= rate * (given + decay * theta);
    return;
  }
  const bool first = m_velocity.size() != parameters.size();
  if (first) m_velocity.assign(parameters.size(), 0.0f);
  Array velocity(m_velocity.data(), size);
  if (first)
    velocity = given + decay * theta;
  else
    velocity = momentum * velocity + kept * (given + decay * theta);
  if (m_settings.nesterov)
    theta -= rate * ((given + decay * theta) + momentum * velocity);
  else
    theta -= rate * velocity;
}

OptimizerState Sgd::state() const { return {m_steps, {m_velocity}}; }

void Sgd::setState(OptimizerState state) {
  m_steps = state.steps;
  m_velocity = state.buffers.empty() ? AlignedVector<float>{} : std::move(state.buffers.front());
}

}  // namespace clipscope
