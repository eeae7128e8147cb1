// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/optimizer.h"

#include <cassert>
#include <cmath>

#include "engine/error.h"
#include "engine/optimizer/sgd.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

const std::vector<std::string>& optimizerNames() {
  static const std::vector<std::string> names{"sgd"};
  return names;
}

namespace {

void atLeastZero(double value, const char* field) {
  if (std::isfinite(value) && value >= 0) return;
  throw SettingError("optimizer." + std::string(field) + ": " + std::to_string(value) +
                     " must be a number from 0");
}

}  // namespace

void validateOptimizer(const OptimizerSettings& s) {
  if (s.kind != "sgd")
    throw SettingError("optimizer.kind: \"" + s.kind + "\" is not an optimiser; choose sgd");
  atLeastZero(s.learningRate, "learning_rate");
  atLeastZero(s.momentum, "momentum");
  atLeastZero(s.weightDecay, "weight_decay");
  if (!std::isfinite(s.dampening) || s.dampening > 1 || s.dampening < 0)
    throw SettingError("optimizer.dampening: " + std::to_string(s.dampening) +
                       " must be from 0 to 1");
  if (s.nesterov && (s.momentum <= 0 || s.dampening != 0))
    throw SettingError("optimizer.nesterov: needs a momentum above 0 and a dampening of 0");
}

void Optimizer::step(std::span<float> parameters, std::span<const float> gradient) {
  assert(parameters.size() == gradient.size());
  beginStep(parameters.size());
  const auto size = static_cast<Index>(parameters.size());
  parallelRanges(size, size * 4,
                 [&](Index from, Index to) { stepRange(parameters, gradient, from, to); });
}

std::unique_ptr<Optimizer> makeOptimizer(const OptimizerSettings& settings) {
  validateOptimizer(settings);
  return std::make_unique<Sgd>(settings);
}

}  // namespace clipscope
