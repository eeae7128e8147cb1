// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/allocation.h"

#include <cmath>
#include <limits>

#include "engine/error.h"

namespace clipscope {

std::string_view noiseAllocationName(NoiseAllocation allocation) {
  switch (allocation) {
    case NoiseAllocation::Global:
      return "global";
    case NoiseAllocation::EqualBudget:
      return "equal_budget";
    case NoiseAllocation::DimensionWeighted:
      return "dimension_weighted";
    case NoiseAllocation::LeastPower:
      return "least_power";
  }
  return "global";
}

NoiseAllocation parseNoiseAllocation(const std::string& text, const std::string& setting) {
  for (const NoiseAllocation allocation :
       {NoiseAllocation::Global, NoiseAllocation::EqualBudget, NoiseAllocation::DimensionWeighted,
        NoiseAllocation::LeastPower})
    if (text == noiseAllocationName(allocation)) return allocation;
  throw SettingError(
      setting + ": \"" + text +
      "\" is not an allocation; choose global, equal_budget, dimension_weighted or least_power");
}

std::vector<double> groupNoiseStds(NoiseAllocation allocation, double sigma,
                                   std::span<const double> thresholds,
                                   std::span<const Index> dimensions) {
  std::vector<double> stds;
  groupNoiseStds(allocation, sigma, thresholds, dimensions, stds);
  return stds;
}

void groupNoiseStds(NoiseAllocation allocation, double sigma, std::span<const double> thresholds,
                    std::span<const Index> dimensions, std::vector<double>& stds) {
  const std::size_t count = thresholds.size();
  stds.assign(count, 0.0);
  if (sigma == 0) return;
  double squares = 0, dimension = 0, weighted = 0;
  for (std::size_t k = 0; k < count; ++k) {
    const double d = static_cast<double>(dimensions[k]);
    squares += thresholds[k] * thresholds[k];
    dimension += d;
    weighted += thresholds[k] * std::sqrt(d);
  }
  for (std::size_t k = 0; k < count; ++k) {
    const double c = thresholds[k];
    const double root = std::sqrt(static_cast<double>(dimensions[k]));
    switch (allocation) {
      case NoiseAllocation::Global:
        stds[k] = sigma * std::sqrt(squares);
        break;
      case NoiseAllocation::EqualBudget:
        stds[k] = sigma * std::sqrt(static_cast<double>(count)) * c;
        break;
      case NoiseAllocation::DimensionWeighted:
        stds[k] = sigma * (c / root) * std::sqrt(dimension);
        break;
      case NoiseAllocation::LeastPower:
        stds[k] = sigma * std::sqrt(c / root * weighted);
        break;
    }
  }
  const double spent = effectiveSigma(thresholds, stds);
  if (!(std::abs(spent - sigma) <= 1e-9 * sigma))
    throw Error("noise.allocation: " + std::string(noiseAllocationName(allocation)) +
                " would have the privacy of noise multiplier " + std::to_string(spent) +
                " and not " + std::to_string(sigma) + "; the thresholds are out of range");
}

double effectiveSigma(std::span<const double> sensitivities, std::span<const double> stds,
                      Index counts, double countStd) {
  if (counts > 0 && countStd <= 0) return 0;
  double inverse = counts > 0 ? static_cast<double>(counts) / (4 * countStd * countStd) : 0.0;
  for (std::size_t k = 0; k < sensitivities.size(); ++k) {
    if (sensitivities[k] == 0) continue;
    if (std::isinf(sensitivities[k]) || stds[k] <= 0) return 0;
    const double ratio = sensitivities[k] / stds[k];
    inverse += ratio * ratio;
  }
  return inverse == 0 ? std::numeric_limits<double>::infinity() : 1.0 / std::sqrt(inverse);
}

}  // namespace clipscope
