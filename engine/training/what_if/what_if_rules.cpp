// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/what_if_rules.h"

#include "engine/clipping/adaptive_threshold.h"
#include "engine/clipping/norm_table.h"

namespace clipscope {

double WhatIfRules::maxGradNorm() const { return combinedNorm(thresholds); }

WhatIfRules WhatIfRules::withMaxGradNorm(double maxGradNorm) const {
  WhatIfRules rules = *this;
  const double factor = maxGradNorm / this->maxGradNorm();
  for (double& threshold : rules.thresholds) threshold *= factor;
  // One group has C itself, to the bit.
  if (rules.thresholds.size() == 1) rules.thresholds.front() = maxGradNorm;
  return rules;
}

WhatIfRules WhatIfRules::withThreshold(Index group, double threshold) const {
  WhatIfRules rules = *this;
  rules.thresholds[static_cast<std::size_t>(group)] = threshold;
  return rules;
}

WhatIfRules makeWhatIfRules(const ClippingSettings& clipping, const NoiseSettings& noise,
                            const SamplePart& sample, const RunInfo& info,
                            std::span<const double> medians) {
  WhatIfRules rules;
  rules.grouping = makeGrouping(clipping.grouping, info.tensors, clipping.groups);
  rules.strategyName = clipping.strategy;
  rules.strategySettings = clipping.strategySettings;
  rules.strategy = makeStrategy(clipping.strategy, clipping.strategySettings);
  for (const ClippingGroup& group : rules.grouping.groups()) {
    Index dimension = 0;
    for (const Index tensor : group.tensors)
      dimension += info.sizes[static_cast<std::size_t>(tensor)];
    rules.dimensions.push_back(dimension);
  }
  rules.thresholds = makeThresholds(clipping.thresholds, clipping.maxGradNorm, rules.grouping,
                                    rules.dimensions, medians, clipping.groupThresholds);
  rules.sigma = noise.noiseMultiplier;
  if (clipping.adaptive.enabled) {
    rules.counts = rules.grouping.count();
    rules.countStd = clipping.adaptive.countStd;
    rules.sigma = gradientNoiseMultiplier(rules.sigma, rules.countStd, rules.counts);
  }
  rules.allocation = noise.allocation;
  rules.sampleRate = sample.sampleRate;
  rules.fixedSize = sample.scheme != SamplingScheme::Poisson;
  rules.expectedBatch = sample.expectedBatchSize;
  rules.datasetSize = info.datasetSize;
  return rules;
}

}  // namespace clipscope
