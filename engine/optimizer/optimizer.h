// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/aligned_vector.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// Settings of every optimiser; each reads its own. Defaults are PyTorch's but for the rate.
struct OptimizerSettings {
  std::string kind = "sgd";
  double learningRate = 0.25;     ///< η ≥ 0
  double momentum = 0;            ///< μ ≥ 0: sgd, rmsprop
  double dampening = 0;           ///< τ in [0, 1]: sgd
  bool nesterov = false;          ///< sgd; needs μ > 0 and τ = 0
  double weightDecay = 0;         ///< λ ≥ 0
  double beta1 = 0.9;             ///< in [0, 1): adam, adamw
  double beta2 = 0.999;           ///< in [0, 1): adam, adamw
  double eps = 1e-8;              ///< adam, adamw, rmsprop
  bool amsgrad = false;           ///< adam, adamw
  double alpha = 0.99;            ///< in [0, 1): rmsprop
  bool centered = false;          ///< rmsprop
  double learningRateDecay = 0;   ///< ρ ≥ 0: adagrad
  double initialAccumulator = 0;  ///< ≥ 0: adagrad
  double adagradEps = 1e-10;      ///< adagrad's eps

  friend bool operator==(const OptimizerSettings&, const OptimizerSettings&) = default;
};

/// What an optimiser carries from step to step, for checkpoints.
struct OptimizerState {
  Index steps = 0;
  std::vector<AlignedVector<float>> buffers;
};

/// An update rule over one flat buffer of parameters and the private gradient
/// ĝ = (Σ f_i g_i + z)/B. Weight decay enters here, after clipping and noise.
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  virtual std::string_view name() const = 0;
  /// A whole step, on the pool's threads.
  void step(std::span<float> parameters, std::span<const float> gradient);
  /// A step in parts: begin once for `size` parameters, then each range once, in any order and on
  /// any thread, so that the caller can do what else it has to do to a range while it is cached.
  /// `parameters` and `gradient` are the range alone, which begins at parameter number `from`.
  virtual void beginStep(std::size_t size) = 0;
  virtual void stepRange(std::span<float> parameters, std::span<const float> gradient,
                         Index from) = 0;
  /// η where a step is θ ← θ − ηĝ and nothing else, so that the caller may do it in a pass of its
  /// own instead of calling stepRange().
  virtual std::optional<float> plainRate() const { return std::nullopt; }
  virtual double learningRate() const = 0;
  virtual void setLearningRate(double rate) = 0;
  virtual OptimizerState state() const = 0;
  virtual void setState(OptimizerState state) = 0;
};

/// "sgd", "adam", "adamw", "rmsprop", "adagrad".
const std::vector<std::string>& optimizerNames();

/// Throws SettingError, beginning "optimizer.", for an unknown kind or a value out of range.
void validateOptimizer(const OptimizerSettings& settings);
std::unique_ptr<Optimizer> makeOptimizer(const OptimizerSettings& settings);

}  // namespace clipscope
