// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

namespace clipscope {

/// A privacy budget, and the steps that share it.
struct NoiseTarget {
  double epsilon = 0;
  double delta = 0;
  double sampleRate = 0;
  std::int64_t steps = 0;
};

/// The least noise multiplier σ whose ε, by the accountant of that name, is at most the target's:
/// to 1e-9 relative, and always on the side where ε(σ) ≤ target. 0 where nothing is spent (no
/// steps, or q = 0). Throws SettingError for values out of range, for an unknown accountant, and
/// where no σ up to 1e9 reaches the target (rdp-opacus never falls below about 0.1).
double noiseMultiplierFor(const std::string& accountant, const NoiseTarget& target);

}  // namespace clipscope
