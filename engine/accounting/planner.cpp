// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/planner.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/accounting/accountant.h"
#include "engine/accounting/noise_multiplier.h"
#include "engine/error.h"

namespace clipscope {

namespace {

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

/// The mechanism that a plan's steps are: q and how many.
AccountedSteps mechanismOf(const PlanSettings& settings, double batchSize, std::int64_t steps) {
  const double q = std::min(1.0, batchSize / settings.examples);
  switch (settings.sampling) {
    case PlannedSampling::Shuffled: {
      const auto perEpoch = std::max<std::int64_t>(
          1, static_cast<std::int64_t>(settings.examples / std::max(1.0, std::round(batchSize))));
      return {0, 1, (steps + perEpoch - 1) / perEpoch};
    }
    case PlannedSampling::Fixed:
      return {0, 1, steps};
    case PlannedSampling::Poisson:
      break;
  }
  return {0, q, steps};
}

void check(const PlanSettings& settings, double batchSize, std::int64_t steps) {
  if (!(settings.examples >= 1)) throw SettingError("a plan needs the number of examples");
  if (!(batchSize > 0 && batchSize <= settings.examples))
    throw SettingError("the batch size of a plan must be above 0 and at most the examples");
  if (steps < 0) throw SettingError("the steps of a plan must be 0 or more");
}

/// `count` numbers from `low` to `high` at equal ratios, the nearest of them moved to `through`.
std::vector<double> ratios(double low, double high, double through, int count) {
  std::vector<double> values;
  for (int k = 0; k < count; ++k)
    values.push_back(low * std::pow(high / low, static_cast<double>(k) / (count - 1)));
  *std::ranges::min_element(
      values, {}, [&](double value) { return std::abs(std::log(value / through)); }) = through;
  return values;
}

}  // namespace

PlanPoint planPoint(const PlanSettings& settings, double batchSize, std::int64_t steps,
                    const NoiseSearch& search) {
  check(settings, batchSize, steps);
  const AccountedSteps mechanism = mechanismOf(settings, batchSize, steps);
  PlanPoint point{batchSize, steps, batchSize / settings.examples, 0, 0, 0};
  try {
    point.sigma = noiseMultiplierFor(
        settings.accountant,
        {settings.epsilon, settings.delta, mechanism.sampleRate, mechanism.steps}, search);
  } catch (const NoNoiseMultiplier&) {
    point.sigma = notANumber;
  }
  point.perExample = point.sigma / batchSize;
  point.noise = point.perExample * settings.maxGradNorm * std::sqrt(settings.dimension);
  return point;
}

double plannedEpsilon(const PlanSettings& settings, double batchSize, std::int64_t steps,
                      double sigma) {
  check(settings, batchSize, steps);
  const AccountedSteps mechanism = mechanismOf(settings, batchSize, steps);
  const auto accountant = makeAccountant(settings.accountant);
  accountant->add(sigma, mechanism.sampleRate, mechanism.steps);
  return accountant->epsilon(settings.delta);
}

PlanGrid planGrid(const PlanSettings& settings, double batchSize, std::int64_t steps, int count,
                  const std::function<void(double)>& progressed, std::stop_token stop) {
  check(settings, batchSize, steps);
  PlanGrid grid;
  const double most = settings.examples;
  grid.batchSizes = ratios(std::min(std::max(1.0, most / 4096), batchSize), most, batchSize, count);
  const double run = static_cast<double>(std::max<std::int64_t>(1, steps));
  for (const double value : ratios(std::max(1.0, run / 64), run * 64, run, count)) {
    const auto whole = std::llround(value);
    if (grid.steps.empty() || whole > grid.steps.back()) grid.steps.push_back(whole);
  }
  grid.points.resize(grid.batchSizes.size() * grid.steps.size());
  std::size_t done = 0;
  for (std::size_t s = 0; s < grid.steps.size(); ++s)
    for (std::size_t b = 0; b < grid.batchSizes.size(); ++b) {
      if (stop.stop_requested()) throw Cancelled();
      // On a line with the neighbours, on logarithmic axes.
      double guess = 0;
      if (b > 1)
        guess = grid.at(b - 1, s).sigma * grid.at(b - 1, s).sigma / grid.at(b - 2, s).sigma;
      else if (s > 1)
        guess = grid.at(b, s - 1).sigma * grid.at(b, s - 1).sigma / grid.at(b, s - 2).sigma;
      grid.points[s * grid.batchSizes.size() + b] = planPoint(
          settings, grid.batchSizes[b], grid.steps[s], {std::isfinite(guess) ? guess : 0, 1e-4});
      if (progressed)
        progressed(static_cast<double>(++done) / static_cast<double>(grid.points.size()));
    }
  return grid;
}

}  // namespace clipscope
