// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "engine/error.h"

namespace clipscope {

/// A privacy budget, and the steps that share it.
struct NoiseTarget {
  double epsilon = 0;
  double delta = 0;
  double sampleRate = 0;
  std::int64_t steps = 0;
};

/// How a search goes.
struct NoiseSearch {
  double guess = 0;         ///< a σ near the answer makes it faster; 0 for none
  double tolerance = 1e-9;  ///< relative
};

/// No σ reaches a target.
class NoNoiseMultiplier : public SettingError {
 public:
  using SettingError::SettingError;
};

/// The least noise multiplier σ whose ε, by the accountant of that name, is at most the target's:
/// to the tolerance, and always on the side where ε(σ) ≤ target. 0 where nothing is spent (no
/// steps, or q = 0). Throws SettingError for values out of range and for an unknown accountant,
/// NoNoiseMultiplier where no σ up to 1e9 reaches the target (rdp-opacus never falls below about
/// 0.1).
double noiseMultiplierFor(const std::string& accountant, const NoiseTarget& target,
                          const NoiseSearch& search = {});

}  // namespace clipscope
