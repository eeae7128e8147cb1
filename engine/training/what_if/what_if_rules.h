// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/training/experiment.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// What would be done to a batch: clipping, noise and the sampling it is judged under.
struct WhatIfRules {
  Grouping grouping;
  std::string strategyName;
  StrategySettings strategySettings;
  std::shared_ptr<const ClipStrategy> strategy;
  std::vector<double> thresholds;  ///< C_k
  std::vector<Index> dimensions;   ///< d_k
  double sigma = 0;                ///< what the noise is scaled by: σ, or z where C adapts
  NoiseAllocation allocation = NoiseAllocation::Global;
  double sampleRate = 0;     ///< q
  double expectedBatch = 0;  ///< B
  /// Batches of a fixed size drawn without replacement, instead of Poisson sampling.
  bool fixedSize = false;
  Index datasetSize = 0;  ///< N
  /// Counts that an adaptive threshold releases besides, and the std σ_b of their noise.
  Index counts = 0;
  double countStd = 0;

  /// C = √Σ C_k²
  double maxGradNorm() const;
  /// The same with every C_k scaled so that √Σ C_k² is `maxGradNorm`.
  WhatIfRules withMaxGradNorm(double maxGradNorm) const;
  /// The same with another C_k for one group.
  WhatIfRules withThreshold(Index group, double threshold) const;
};

/// The rules of an experiment's settings for a batch of `info`'s model. Where C adapts, the noise
/// gets what the counts leave of σ (gradientNoiseMultiplier). `medians` of n_ik by group
/// are for ThresholdRule::Median; none: equal shares. Throws SettingError where groups or constants
/// do not fit.
WhatIfRules makeWhatIfRules(const ClippingSettings& clipping, const NoiseSettings& noise,
                            const SamplePart& sample, const RunInfo& info,
                            std::span<const double> medians = {});

}  // namespace clipscope
