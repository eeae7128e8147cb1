// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/noise/noise_histogram.h"

namespace clipscope {

/// Drawn noise in units of its std held against N(0, 1): Pearson's χ² over the bins of a histogram
/// and its two tails. Neighbours are joined, from both ends inwards, until each class expects at
/// least five draws.
struct NoiseFit {
  std::vector<double> expected;  ///< by bin: draws · (Φ(high) − Φ(low))
  double chiSquared = 0;         ///< Σ (count − expected)²/expected over the joined classes
  Index degrees = 0;             ///< classes − 1; 0 where there are too few draws to judge
  /// Probability that draws of N(0, 1) give a χ² at least as large; NaN for degrees = 0.
  double pValue = 0;
};

NoiseFit fitNoise(const NoiseHistogram& histogram);

/// Φ(high) − Φ(low) for the standard normal, without cancellation in the tails; ±∞ are allowed.
double normalProbability(double low, double high);

}  // namespace clipscope
