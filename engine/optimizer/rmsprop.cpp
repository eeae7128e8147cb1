// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/rmsprop.h"

#include <Eigen/Core>

namespace clipscope {

namespace {

constexpr std::size_t squareAverage = 0, average = 1, velocity = 2;

}  // namespace

void RmsProp::beginStep(std::size_t size) {
  countStep();
  prepare(squareAverage, true, size);
  prepare(average, settings().centered, size);
  prepare(velocity, settings().momentum != 0, size);
}

void RmsProp::stepRange(std::span<float> parameters, std::span<const float> gradient, Index from) {
  const auto size = static_cast<Index>(parameters.size());
  using Array = Eigen::Map<Eigen::ArrayXf>;
  using ConstArray = Eigen::Map<const Eigen::ArrayXf>;
  const OptimizerSettings& o = settings();
  const auto rate = static_cast<float>(o.learningRate), decay = static_cast<float>(o.weightDecay);
  const auto alpha = static_cast<float>(o.alpha), rest = static_cast<float>(1 - o.alpha);
  const auto eps = static_cast<float>(o.eps), momentum = static_cast<float>(o.momentum);
  Array theta(parameters.data(), size);
  const ConstArray given(gradient.data(), size);
  const auto g = given + decay * theta;
  Array s(buffer(squareAverage) + from, size);
  s = alpha * s + rest * g.square();
  const auto descend = [&](const auto& step) {
    if (momentum == 0.0f) {
      theta -= rate * step;
      return;
    }
    Array v(buffer(velocity) + from, size);
    v = momentum * v + step;
    theta -= rate * v;
  };
  if (!o.centered) {
    descend(g / (s.sqrt() + eps));
    return;
  }
  Array a(buffer(average) + from, size);
  a = alpha * a + rest * g;
  descend(g / ((s - a.square()).max(0.0f).sqrt() + eps));
}

}  // namespace clipscope
