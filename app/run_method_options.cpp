// SPDX-License-Identifier: GPL-3.0-or-later
// The options of `clipscope run` for optimisers, adaptive thresholds and schedules.
#include "app/run_command.h"

namespace clipscope {

void RunCommand::addOptimizerOptions() {
  using E = Experiment;
  using Text = const std::string&;
  m_group = "Optimiser";
  add<std::string>("--optimizer", "optimizer.kind", "sgd, adam, adamw, rmsprop or adagrad",
                   [](E& e, Text v) { e.optimizer.kind = v; });
  add<double>("--learning-rate", "optimizer.learning_rate", "Learning rate",
              [](E& e, double v) { e.optimizer.learningRate = v; });
  add<double>("--momentum", "optimizer.momentum", "Momentum of sgd and rmsprop",
              [](E& e, double v) { e.optimizer.momentum = v; });
  add<double>("--dampening", "optimizer.dampening", "Dampening of sgd",
              [](E& e, double v) { e.optimizer.dampening = v; });
  add<double>("--weight-decay", "optimizer.weight_decay", "Weight decay",
              [](E& e, double v) { e.optimizer.weightDecay = v; });
  add<bool>("--nesterov", "optimizer.nesterov", "Nesterov momentum",
            [](E& e, bool v) { e.optimizer.nesterov = v; });
  add<double>("--beta1", "optimizer.beta1", "β₁ of adam and adamw",
              [](E& e, double v) { e.optimizer.beta1 = v; });
  add<double>("--beta2", "optimizer.beta2", "β₂ of adam and adamw",
              [](E& e, double v) { e.optimizer.beta2 = v; });
  add<double>("--eps", "optimizer.eps", "eps of adam, adamw and rmsprop",
              [](E& e, double v) { e.optimizer.eps = v; });
  add<bool>("--amsgrad", "optimizer.amsgrad", "AMSGrad variant of adam and adamw",
            [](E& e, bool v) { e.optimizer.amsgrad = v; });
  add<double>("--alpha", "optimizer.alpha", "α of rmsprop",
              [](E& e, double v) { e.optimizer.alpha = v; });
  add<bool>("--centered", "optimizer.centered", "Centred variant of rmsprop",
            [](E& e, bool v) { e.optimizer.centered = v; });
  add<double>("--lr-decay", "optimizer.learning_rate_decay", "Learning rate decay of adagrad",
              [](E& e, double v) { e.optimizer.learningRateDecay = v; });
  add<double>("--initial-accumulator", "optimizer.initial_accumulator_value",
              "Initial accumulator of adagrad",
              [](E& e, double v) { e.optimizer.initialAccumulator = v; });
  add<double>("--adagrad-eps", "optimizer.adagrad_eps", "eps of adagrad",
              [](E& e, double v) { e.optimizer.adagradEps = v; });
}

void RunCommand::addAdaptiveOptions() {
  using E = Experiment;
  using Text = const std::string&;
  m_group = "Adaptive threshold";
  add<bool>("--adaptive", "clipping.adaptive.enabled",
            "C follows the norms (Andrew et al. 2019); --max-grad-norm is where it starts",
            [](E& e, bool v) { e.clipping.adaptive.enabled = v; });
  add<double>("--target-quantile", "clipping.adaptive.target_quantile",
              "γ: the share that is to stay unclipped",
              [](E& e, double v) { e.clipping.adaptive.targetQuantile = v; });
  add<double>("--threshold-learning-rate", "clipping.adaptive.learning_rate", "η: how fast C moves",
              [](E& e, double v) { e.clipping.adaptive.learningRate = v; });
  add<double>("--count-std", "clipping.adaptive.count_std",
              "σ_b: std of the noise on the count of unclipped examples",
              [](E& e, double v) { e.clipping.adaptive.countStd = v; });
  add<std::string>("--count-denominator", "clipping.adaptive.denominator",
                   "expected, or batch as Opacus (no ε holds then)", [](E& e, Text v) {
                     e.clipping.adaptive.denominator =
                         parseCountDenominator(v, "--count-denominator");
                   });
  add<double>("--min-threshold", "clipping.adaptive.min_threshold", "C never falls below it",
              [](E& e, double v) { e.clipping.adaptive.minThreshold = v; });
  add<double>("--max-threshold", "clipping.adaptive.max_threshold", "C never rises above it",
              [](E& e, double v) { e.clipping.adaptive.maxThreshold = v; });
}

void RunCommand::addScheduleOptions() {
  using E = Experiment;
  using Text = const std::string&;
  m_group = "Schedules: constant, exponential:γ, step:γ:k, cosine:floor:n or table:v,v,…";
  add<std::string>(
      "--noise-schedule", "schedules.noise_multiplier", "Of the noise multiplier",
      [](E& e, Text v) { e.schedules.noiseMultiplier = parseSchedule(v, "--noise-schedule"); });
  add<std::string>(
      "--norm-schedule", "schedules.max_grad_norm", "Of the clipping norm",
      [](E& e, Text v) { e.schedules.maxGradNorm = parseSchedule(v, "--norm-schedule"); });
  add<std::string>(
      "--rate-schedule", "schedules.learning_rate", "Of the learning rate",
      [](E& e, Text v) { e.schedules.learningRate = parseSchedule(v, "--rate-schedule"); });
}

}  // namespace clipscope
