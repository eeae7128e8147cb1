// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/accounting/noise_multiplier.h"

namespace clipscope {

/// How the batches of a plan are drawn: methods.md "Privacy accounting".
enum class PlannedSampling {
  Poisson,   ///< q = B/N
  Shuffled,  ///< q = 1, one application for each epoch of ⌊N/B⌋ batches begun
  Fixed,     ///< q = 1
};

/// What stays the same over a plan.
struct PlanSettings {
  std::string accountant = "rdp";
  double epsilon = 1, delta = 1e-5;  ///< the budget that every point spends
  double examples = 0;               ///< N
  double maxGradNorm = 1;            ///< C
  double dimension = 0;              ///< d
  PlannedSampling sampling = PlannedSampling::Poisson;
};

/// A batch size and a number of steps at the budget.
struct PlanPoint {
  double batchSize = 0;    ///< B
  std::int64_t steps = 0;  ///< T
  double sampleRate = 0;   ///< q = B/N
  double sigma = 0;        ///< the least noise multiplier; NaN where none keeps to the budget
  double noise = 0;        ///< σC√d/B: the expected norm of the noise on the mean gradient
  double perExample = 0;   ///< σ/B
};

/// One point. Throws SettingError for
/// settings out of range; a budget that no σ keeps to gives NaN.
PlanPoint planPoint(const PlanSettings& settings, double batchSize, std::int64_t steps,
                    const NoiseSearch& search = {});

/// σ spent the other way: ε of `steps` steps at `sigma`.
double plannedEpsilon(const PlanSettings& settings, double batchSize, std::int64_t steps,
                      double sigma);

/// Every pair of a batch size and a number of steps, batch sizes within steps.
struct PlanGrid {
  std::vector<double> batchSizes;
  std::vector<std::int64_t> steps;
  std::vector<PlanPoint> points;

  const PlanPoint& at(std::size_t batch, std::size_t step) const {
    return points[step * batchSizes.size() + batch];
  }
};

/// Batch sizes from 1 to N and steps about the run's, `count` of each at equal ratios; those of the
/// run are among them; σ to 1e-4. Calls `progressed` with the share done. Throws Cancelled.
PlanGrid planGrid(const PlanSettings& settings, double batchSize, std::int64_t steps, int count,
                  const std::function<void(double)>& progressed = {}, std::stop_token stop = {});

}  // namespace clipscope
