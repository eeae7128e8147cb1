// SPDX-License-Identifier: GPL-3.0-or-later
// The phases Noise and Update: what becomes of the clipped sum.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "engine/tensor/philox.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

void Trainer::State::release(StepRecord& next, bool draws, bool updates) {
  using Clock = std::chrono::steady_clock;
  auto start = Clock::now();
  const auto lap = [&](Phase phase) {
    const auto now = Clock::now();
    next.seconds[static_cast<std::size_t>(phase)] +=
        std::chrono::duration<double>(now - start).count();
    start = now;
  };
  std::shared_ptr<NoisePart> noisePart;
  std::shared_ptr<Parameters> updated;
  NoiseTask noiseTask;
  UpdateTask updateTask;
  if (draws) {
    noisePart = startNoise();
    noiseTask.key = drawKey(DrawPurpose::Noise);
    noiseTask.secret = secret.get();
    noiseTask.std = noisePart->tensorStd;
    if (!updates) {
      noise.resize(extent());
      noiseTask.store = noise;
    }
    lap(Phase::Noise);
  }
  if (updates) {
    updated = startUpdate();
    updateTask.optimizer = optimizer.get();
    updateTask.sum = clippedSum;
    updateTask.noise = noise;
    updateTask.inverseBatch = static_cast<float>(1.0 / rules->expectedBatch);
    updateTask.before = stepParameters->trainable();
    updateTask.after = updated->trainable();
    lap(Phase::Update);
  }
  releasePass.run(draws ? &noiseTask : nullptr, updates ? &updateTask : nullptr);
  const ReleasePass::Result& result = releasePass.result();
  next.seconds[static_cast<std::size_t>(Phase::Noise)] += result.noiseSeconds;
  next.seconds[static_cast<std::size_t>(Phase::Update)] += result.updateSeconds;
  start = Clock::now();
  if (draws) {
    finishNoise(next, std::move(noisePart));
    lap(Phase::Noise);
  }
  if (updates) {
    finishUpdate(next, std::move(updated));
    lap(Phase::Update);
  }
}

std::shared_ptr<NoisePart> Trainer::State::startNoise() {
  auto part = noises.take();
  part->tensorStd.clear();
  for (const Index group : clipPart->groupOf)
    part->tensorStd.push_back(stds[static_cast<std::size_t>(group)]);
  return part;
}

void Trainer::State::finishNoise(StepRecord& next, std::shared_ptr<NoisePart> part) {
  const ReleasePass::Result& drawn = releasePass.result();
  part->histogram = drawn.histogram;
  part->tensorExpected.clear();
  part->tensorRealised.clear();
  double expected = 0, realised = 0;
  for (std::size_t t = 0; t < part->tensorStd.size(); ++t) {
    const double size = static_cast<double>(info->sizes[t]);
    part->tensorExpected.push_back(part->tensorStd[t] * std::sqrt(size));
    part->tensorRealised.push_back(std::sqrt(drawn.tensorSquares[t]));
    expected += part->tensorExpected[t] * part->tensorExpected[t];
    realised += drawn.tensorSquares[t];
  }
  part->expected = std::sqrt(expected);
  part->realised = std::sqrt(realised);
  part->std = part->expected / std::sqrt(static_cast<double>(info->dimension));
  const double infinity = std::numeric_limits<double>::infinity();
  const auto ratio = [&](double noiseNorm) {
    if (noiseNorm > 0) return clipPart->signal / noiseNorm;
    return clipPart->signal > 0 ? infinity : notANumber;
  };
  part->snr = ratio(part->expected);
  part->snrRealised = ratio(part->realised);
  std::vector<double>& sensitivities = scratch;
  sensitivities.clear();
  for (const double threshold : thresholds)
    sensitivities.push_back(rules->strategy->sensitivity(threshold));
  const AdaptiveSettings& adaptive = rules->experiment.clipping.adaptive;
  part->effectiveSigma = effectiveSigma(
      sensitivities, stds, adaptive.enabled ? rules->grouping.count() : 0, adaptive.countStd);
  stepSigma = part->effectiveSigma;
  // An allocation spends exactly σ; rounding in its check must not reach the accountant.
  if (std::abs(stepSigma - askedSigma) <= 1e-9 * askedSigma) stepSigma = askedSigma;
  adaptThresholds(*part, next);
  next.noise = std::move(part);
}

double Trainer::State::countNoise(std::uint32_t group) const {
  if (secret) {
    SecureStream stream(*secret, DrawPurpose::Count, group);
    return secureNormal(stream);
  }
  return RandomStream(drawKey(DrawPurpose::Count, group)).normal();
}

void Trainer::State::adaptThresholds(NoisePart& part, const StepRecord& next) const {
  part.adaptive.clear();
  part.nextMaxGradNorm = notANumber;
  const AdaptiveSettings& adaptive = rules->experiment.clipping.adaptive;
  if (!adaptive.enabled) return;
  const ClipFactors& factors = clipPart->factors;
  double squares = 0;
  for (std::size_t k = 0; k < thresholds.size(); ++k) {
    const auto group = static_cast<Index>(k);
    Index unclipped = 0;
    for (Index i = 0; i < factors.examples(); ++i)
      unclipped +=
          factors.finite(i) &&
          countsAsUnclipped(adaptive.denominator, factors.groupNorm(i, group), thresholds[k]);
    const double noise = countNoise(static_cast<std::uint32_t>(k));
    part.adaptive.push_back(adaptThreshold(adaptive, thresholds[k], unclipped, next.batchSize(),
                                           rules->expectedBatch, adaptive.countStd * noise));
    squares += part.adaptive.back().after * part.adaptive.back().after;
  }
  part.nextMaxGradNorm = std::sqrt(squares);
}

std::shared_ptr<Parameters> Trainer::State::startUpdate() {
  auto updated =
      parameterPool.take([&] { return std::make_shared<Parameters>(model->sharedTable()); });
  const std::size_t trainable = extent();
  std::ranges::copy(stepParameters->flat().subspan(trainable),
                    updated->flat().subspan(trainable).begin());
  optimizer->setLearningRate(rules->experiment.learningRateAt(done));
  optimizer->beginStep(trainable);
  return updated;
}

void Trainer::State::finishUpdate(StepRecord& next, std::shared_ptr<Parameters> updated) {
  auto part = updates.take();
  part->learningRate = optimizer->learningRate();
  // The others scale the noise by what they remember, weight by weight.
  part->updateNoise = optimizer->name() == "sgd"
                          ? part->learningRate * next.noise->std / rules->expectedBatch
                          : notANumber;
  part->parameterNorm = std::sqrt(releasePass.result().parameterSquare);
  part->updateNorm = std::sqrt(releasePass.result().updateSquare);
  parameters = std::move(updated);
  next.update = std::move(part);
}

}  // namespace clipscope
