// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// How the noise of a grouped clipping is shared out. All four spend the same σ, because
/// Σ_k C_k²/s_k² = 1/σ² (He et al. 2022, arXiv:2212.01539); for one group all are s = σC.
enum class NoiseAllocation {
  Global,             ///< s_k = σ √(Σ C_j²), the same on every coordinate (Opacus)
  EqualBudget,        ///< s_k = σ √K C_k
  DimensionWeighted,  ///< s_k = σ γ_k √(Σ_j d_j), γ_k = C_k/√d_k
  LeastPower,         ///< s_k² = σ² (C_k/√d_k) Σ_j C_j √d_j: the least Σ s_k² d_k
};

/// "global", "equal_budget", "dimension_weighted", "least_power".
std::string_view noiseAllocationName(NoiseAllocation allocation);
/// Throws SettingError naming `setting` and the choices.
NoiseAllocation parseNoiseAllocation(const std::string& text, const std::string& setting);

/// s_k, the std of the noise on every coordinate of group k. `thresholds` C_k, `dimensions` d_k.
/// All 0 for σ = 0. Throws Error where the rule above is not met to 1e-9: noise that does not have
/// the privacy it is charged for must not be drawn.
std::vector<double> groupNoiseStds(NoiseAllocation allocation, double noiseMultiplier,
                                   std::span<const double> thresholds,
                                   std::span<const Index> dimensions);
/// The same into memory that is there already, for every step.
void groupNoiseStds(NoiseAllocation allocation, double noiseMultiplier,
                    std::span<const double> thresholds, std::span<const Index> dimensions,
                    std::vector<double>& out);

/// (Σ_k S_k²/s_k² + K_b/(4σ_b²))^(−1/2): the noise multiplier that a mechanism with sensitivities
/// S_k and stds s_k truly has, which also releases K_b counts, each shifted to a sensitivity of 1/2
/// and with noise of std σ_b. 0 where some S_k is ∞ or has no noise; ∞ where every S_k is 0.
double effectiveSigma(std::span<const double> sensitivities, std::span<const double> stds,
                      Index counts = 0, double countStd = 0);

}  // namespace clipscope
