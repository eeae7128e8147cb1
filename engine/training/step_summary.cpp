// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/step_summary.h"

#include <cassert>
#include <cmath>

#include "engine/accounting/accountant.h"

namespace clipscope {

StepSummary summaryOf(const StepRecord& record) {
  assert(record.has(Phase::Account));
  StepSummary s;
  s.step = record.step;
  s.batchSize = record.drawn();
  s.expectedBatchSize = record.sample->expectedBatchSize;
  s.loss = record.forward->meanLoss;
  if (record.evaluation) {
    s.testLoss = record.evaluation->loss;
    s.testAccuracy = record.evaluation->accuracy;
  }
  s.epsilon = record.account->epsilon;
  if (!record.account->isValid()) s.epsilonNotValid = s.epsilon;
  s.epsilonIsBound = accountantIsBound(record.account->accountant);
  s.scheme = record.sample->scheme;
  s.epoch = record.sample->epoch;
  s.sampleRate = record.sample->sampleRate;
  // An allocation spends exactly the σ asked for; its check has rounding errors.
  const double asked = record.sample->noiseMultiplier, checked = record.noise->effectiveSigma;
  s.sigma = std::abs(checked - asked) <= 1e-9 * asked ? asked : checked;
  s.gradientSigma = record.sample->gradientNoiseMultiplier;
  s.clippedFraction = record.clip->clippedFraction;
  s.maxGradNorm = record.clip->maxGradNorm;
  s.suggestedThreshold = record.clip->suggestedThreshold;
  s.signal = record.clip->signal;
  s.noise = record.noise->expected;
  s.noiseRealised = record.noise->realised;
  s.snr = record.noise->snr;
  s.snrRealised = record.noise->snrRealised;
  s.retainedNorm = record.clip->retainedNorm;
  s.biasRatio = record.clip->biasRatio;
  s.biasCosine = record.clip->biasCosine;
  s.q05 = record.norms->q05;
  s.q25 = record.norms->q25;
  s.q50 = record.norms->q50;
  s.q75 = record.norms->q75;
  s.q95 = record.norms->q95;
  s.max = record.norms->max;
  s.learningRate = record.update->learningRate;
  s.updateNorm = record.update->updateNorm;
  return s;
}

}  // namespace clipscope
