// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "engine/tensor/shape.h"

namespace clipscope {

/// What the noisy count of unclipped examples is divided by.
enum class CountDenominator {
  Expected,  ///< the constant B, with the count shifted by 1/2: sound under Poisson sampling
  Batch,     ///< the size drawn, as Opacus does: it is private, so no ε holds
};

/// "expected", "batch".
std::string_view countDenominatorName(CountDenominator denominator);
/// Throws SettingError naming `setting` and the choices.
CountDenominator parseCountDenominator(const std::string& text, const std::string& setting);

/// The adaptive threshold of Andrew et al. 2019, arXiv:1905.03871: C follows the γ-quantile of the
/// norms through a noisy count. With several groups each C_k follows its own count.
struct AdaptiveSettings {
  bool enabled = false;
  double targetQuantile = 0.5;  ///< γ in [0, 1]: the share that is to stay unclipped
  double learningRate = 0.2;    ///< η ≥ 0
  double countStd = 10;         ///< σ_b ≥ 0: std of the noise on a count; above σ√K/2
  CountDenominator denominator = CountDenominator::Expected;
  double minThreshold = 1e-6;  ///< C stays within [min, max] (floor: arXiv:2506.01396)
  double maxThreshold = 1e6;

  friend bool operator==(const AdaptiveSettings&, const AdaptiveSettings&) = default;
};

/// Throws SettingError, beginning "clipping.adaptive.", for a value out of range.
void validateAdaptive(const AdaptiveSettings& settings);

/// z = (σ⁻² − K/(4σ_b²))^(−1/2): the noise multiplier that is left for the gradients when K counts
/// with noise σ_b have had their share of σ (Theorem 1 of the paper for K = 1). 0 for σ = 0. Throws
/// SettingError where σ ≥ 2σ_b/√K: the counts alone would spend more than σ allows.
double gradientNoiseMultiplier(double sigma, double countStd, Index groups);

/// How the threshold of one group came through a step.
struct AdaptiveResult {
  double before = 0;         ///< C that clipped the step and scaled its noise
  double after = 0;          ///< C of the next step
  Index unclipped = 0;       ///< examples counted: n ≤ C, or n + 1e-6 ≤ C for Batch
  double noisyFraction = 0;  ///< b̃; NaN when skipped
  bool skipped = false;      ///< an empty batch has no share by its own size: C stays
};

/// Expected:  b̃ = 1/2 + (Σ_i (1[n_i ≤ C] − 1/2) + noise)/B;   Batch:  b̃ = (Σ_i 1[…] + noise)/b;
/// C ← C · exp(−η (b̃ − γ)), held within [min, max].
/// `noise` is drawn from N(0, σ_b²); `batch` is the size drawn, b.
AdaptiveResult adaptThreshold(const AdaptiveSettings& settings, double threshold, Index unclipped,
                              Index batch, double expectedBatch, double noise);

/// Whether a norm counts as unclipped under the denominator's rule.
bool countsAsUnclipped(CountDenominator denominator, double norm, double threshold);

}  // namespace clipscope
