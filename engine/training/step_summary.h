// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/training/step_record.h"

namespace clipscope {

/// The scalars of one step: what a history keeps when the record itself is gone. Symbols as in the
/// parts of a StepRecord; NaN where a step has none (an empty batch, no evaluation, an automatic
/// rule's clipped fraction).
struct StepSummary {
  Index step = 0;                       ///< 1 for the first
  Index batchSize = 0;                  ///< examples drawn
  double expectedBatchSize = 0;         ///< B
  double loss = notANumber;             ///< mean over the batch drawn
  double testLoss = notANumber;         ///< where an evaluation ran
  double testAccuracy = notANumber;     ///< in 0 … 1
  double epsilon = 0;                   ///< after this step; ∞ without noise
  double epsilonNotValid = notANumber;  ///< the same where it does not hold for the step
  bool epsilonIsBound = true;           ///< false for an approximation (GDP)
  SamplingScheme scheme = SamplingScheme::Poisson;
  Index epoch = -1;          ///< of a shuffled batch, from 0
  double sampleRate = 0;     ///< q
  double sigma = 0;          ///< σ of the whole step, noisy counts included
  double gradientSigma = 0;  ///< z ≥ σ: of the gradient alone
  double clippedFraction = notANumber;
  double maxGradNorm = 0;                  ///< C of this step
  double suggestedThreshold = notANumber;  ///< the C that this batch suggests
  double signal = 0;                       ///< ‖s‖
  double noise = 0;                        ///< √(Σ s_k² d_k), expected
  double noiseRealised = 0;                ///< ‖z‖
  double snr = notANumber;
  double snrRealised = notANumber;
  double retainedNorm = notANumber;
  double biasRatio = notANumber;
  double biasCosine = notANumber;
  double q05 = notANumber, q25 = notANumber, q50 = notANumber;  ///< quantiles of n_i
  double q75 = notANumber, q95 = notANumber, max = notANumber;
  double learningRate = 0;
  double updateNorm = 0;  ///< ‖Δθ‖
};

/// The summary of a whole step: the record must have its Account phase.
StepSummary summaryOf(const StepRecord& record);

}  // namespace clipscope
