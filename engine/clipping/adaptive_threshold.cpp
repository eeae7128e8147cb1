// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/clipping/adaptive_threshold.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/formats/number_text.h"

namespace clipscope {

std::string_view countDenominatorName(CountDenominator denominator) {
  return denominator == CountDenominator::Batch ? "batch" : "expected";
}

CountDenominator parseCountDenominator(const std::string& text, const std::string& setting) {
  for (const auto denominator : {CountDenominator::Expected, CountDenominator::Batch})
    if (text == countDenominatorName(denominator)) return denominator;
  throw SettingError(setting + ": \"" + text + "\" is not a denominator; choose expected or batch");
}

void validateAdaptive(const AdaptiveSettings& s) {
  const auto require = [](bool holds, const char* field, double value, const std::string& wanted) {
    if (!holds)
      throw SettingError("clipping.adaptive." + std::string(field) + ": " + numberText(value) +
                         " must be " + wanted);
  };
  require(s.targetQuantile >= 0 && s.targetQuantile <= 1, "target_quantile", s.targetQuantile,
          "from 0 to 1");
  require(s.learningRate >= 0 && s.learningRate <= 1e6, "learning_rate", s.learningRate,
          "from 0 to 1e6");
  require(s.countStd >= 0 && s.countStd <= 1e9, "count_std", s.countStd, "from 0 to 1e9");
  require(s.minThreshold >= 1e-30 && s.minThreshold <= 1e30, "min_threshold", s.minThreshold,
          "from 1e-30 to 1e30");
  require(s.maxThreshold >= s.minThreshold && s.maxThreshold <= 1e30, "max_threshold",
          s.maxThreshold, "from min_threshold, " + numberText(s.minThreshold) + ", to 1e30");
}

double gradientNoiseMultiplier(double sigma, double countStd, Index groups) {
  if (sigma == 0) return 0;
  const double k = static_cast<double>(groups);
  const double limit = 2 * countStd / std::sqrt(k);
  if (!(sigma < limit))
    throw SettingError("clipping.adaptive.count_std: " + numberText(countStd) +
                       " leaves nothing of σ = " + numberText(sigma) +
                       " for the gradients: σ must be below 2σ_b/√K = " + numberText(limit) +
                       (groups > 1 ? " with " + std::to_string(groups) + " groups" : "") +
                       "; raise count_std or lower noise_multiplier");
  // σ⁻² − K/(4σ_b²) = (1 − (σ/limit)²)/σ², as a product that does not cancel near the limit.
  const double share = sigma / limit;
  return sigma / std::sqrt((1 - share) * (1 + share));
}

bool countsAsUnclipped(CountDenominator denominator, double norm, double threshold) {
  return (denominator == CountDenominator::Batch ? norm + 1e-6 : norm) <= threshold;
}

AdaptiveResult adaptThreshold(const AdaptiveSettings& settings, double threshold, Index unclipped,
                              Index batch, double expectedBatch, double noise) {
  AdaptiveResult result{threshold, threshold, unclipped, 0, false};
  const double count = static_cast<double>(unclipped), drawn = static_cast<double>(batch);
  if (settings.denominator == CountDenominator::Expected) {
    result.noisyFraction = 0.5 + (count - 0.5 * drawn + noise) / expectedBatch;
  } else if (batch == 0) {
    result.noisyFraction = std::numeric_limits<double>::quiet_NaN();
    result.skipped = true;
    return result;
  } else {
    result.noisyFraction = (count + noise) / drawn;
  }
  const double moved = threshold * std::exp(-settings.learningRate *
                                            (result.noisyFraction - settings.targetQuantile));
  result.after = std::clamp(moved, settings.minThreshold, settings.maxThreshold);
  return result;
}

}  // namespace clipscope
