// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/optimizer/optimizer.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "engine/error.h"
#include "engine/formats/number_text.h"
#include "engine/optimizer/adagrad.h"
#include "engine/optimizer/adam.h"
#include "engine/optimizer/rmsprop.h"
#include "engine/optimizer/sgd.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

const std::vector<std::string>& optimizerNames() {
  static const std::vector<std::string> names{"sgd", "adam", "adamw", "rmsprop", "adagrad"};
  return names;
}

namespace {

void require(bool holds, double value, const char* field, const char* wanted) {
  if (!holds)
    throw SettingError("optimizer." + std::string(field) + ": " + numberText(value) + " must be " +
                       wanted);
}

void atLeastZero(double value, const char* field) {
  require(std::isfinite(value) && value >= 0, value, field, "a number from 0");
}

void belowOne(double value, const char* field) {
  require(value >= 0 && value < 1, value, field, "from 0 to below 1");
}

/// Arithmetic is in single precision, where less would be 0, and 0 divides 0.
void isEps(double value, const char* field) {
  require(value >= 1e-30 && value <= 1e6, value, field, "from 1e-30 to 1e6");
}

}  // namespace

void validateOptimizer(const OptimizerSettings& s) {
  if (std::ranges::count(optimizerNames(), s.kind) == 0) {
    std::string choices;
    for (const std::string& name : optimizerNames())
      choices += (choices.empty() ? "" : ", ") + name;
    throw SettingError("optimizer.kind: \"" + s.kind + "\" is not an optimiser; choose one of " +
                       choices);
  }
  atLeastZero(s.learningRate, "learning_rate");
  atLeastZero(s.momentum, "momentum");
  atLeastZero(s.weightDecay, "weight_decay");
  require(s.dampening >= 0 && s.dampening <= 1, s.dampening, "dampening", "from 0 to 1");
  if (s.kind == "sgd" && s.nesterov && (s.momentum <= 0 || s.dampening != 0))
    throw SettingError("optimizer.nesterov: needs a momentum above 0 and a dampening of 0");
  belowOne(s.beta1, "beta1");
  belowOne(s.beta2, "beta2");
  isEps(s.eps, "eps");
  belowOne(s.alpha, "alpha");
  atLeastZero(s.learningRateDecay, "learning_rate_decay");
  atLeastZero(s.initialAccumulator, "initial_accumulator_value");
  isEps(s.adagradEps, "adagrad_eps");
}

void Optimizer::step(std::span<float> parameters, std::span<const float> gradient) {
  assert(parameters.size() == gradient.size());
  beginStep(parameters.size());
  const auto size = static_cast<Index>(parameters.size());
  parallelRanges(size, size * 4, [&](Index from, Index to) {
    const auto first = static_cast<std::size_t>(from), count = static_cast<std::size_t>(to - from);
    stepRange(parameters.subspan(first, count), gradient.subspan(first, count), from);
  });
}

std::unique_ptr<Optimizer> makeOptimizer(const OptimizerSettings& settings) {
  validateOptimizer(settings);
  if (settings.kind == "adam") return std::make_unique<Adam>(settings, Adam::Decay::Coupled);
  if (settings.kind == "adamw") return std::make_unique<Adam>(settings, Adam::Decay::Decoupled);
  if (settings.kind == "rmsprop") return std::make_unique<RmsProp>(settings);
  if (settings.kind == "adagrad") return std::make_unique<Adagrad>(settings);
  return std::make_unique<Sgd>(settings);
}

}  // namespace clipscope
