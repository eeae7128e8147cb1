// SPDX-License-Identifier: GPL-3.0-or-later
// The phases Noise and Update: what becomes of the clipped sum.
#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>

#include "engine/noise/gaussian_noise.h"
#include "engine/tensor/philox.h"
#include "engine/tensor/reduce.h"
#include "engine/tensor/vector_kernels.h"
#include "engine/training/diagnostics.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

void Trainer::State::addNoise(StepRecord& next) {
  auto part = noises.take();
  const ParameterTable& table = model->table();
  const std::size_t tensors = info->tensors.size();
  part->tensorStd.resize(tensors);
  part->tensorExpected.resize(tensors);
  part->tensorRealised.resize(tensors);
  part->histogram.clear();
  double expected = 0, realised = 0;
  for (std::size_t t = 0; t < tensors; ++t) {
    const ParameterInfo& tensor = table.trainableInfo(static_cast<Index>(t));
    const auto group = static_cast<std::size_t>(clipPart->groupOf[t]);
    const double std = stds[group];
    const std::span<float> z(noise.data() + tensor.offset, static_cast<std::size_t>(tensor.size()));
    part->tensorStd[t] = std;
    part->tensorExpected[t] = std * std::sqrt(static_cast<double>(tensor.size()));
    if (std > 0) {
      // Drawn, counted, scaled and measured chunk by chunk, while a chunk is in the cache.
      const DrawKey key = drawKey(DrawPurpose::Noise, static_cast<std::uint32_t>(t));
      std::mutex counting;
      const auto squares = reduceChunks<1>(tensor.size(), [&](Index from, Index to) {
        const auto chunk =
            z.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
        fillNormals(key, static_cast<std::uint64_t>(from), chunk);
        NoiseHistogram counts;
        counts.add(chunk);
        const double square = scaleAndSquare(static_cast<float>(std), chunk.data(), to - from);
        const std::lock_guard lock(counting);
        part->histogram.add(counts);
        return std::array{square};
      });
      part->tensorRealised[t] = std::sqrt(squares[0]);
    } else {
      std::fill(z.begin(), z.end(), 0.0f);
      part->tensorRealised[t] = 0;
    }
    expected += part->tensorExpected[t] * part->tensorExpected[t];
    realised += part->tensorRealised[t] * part->tensorRealised[t];
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
    RandomStream stream(drawKey(DrawPurpose::Count, static_cast<std::uint32_t>(k)));
    part.adaptive.push_back(adaptThreshold(adaptive, thresholds[k], unclipped, next.batchSize(),
                                           rules->expectedBatch,
                                           adaptive.countStd * stream.normal()));
    squares += part.adaptive.back().after * part.adaptive.back().after;
  }
  part.nextMaxGradNorm = std::sqrt(squares);
}

void Trainer::State::update(StepRecord& next) {
  auto part = updates.take();
  const float inverse = static_cast<float>(1.0 / rules->expectedBatch);
  auto updated =
      parameterPool.take([&] { return std::make_shared<Parameters>(model->sharedTable()); });
  const auto extentOf = static_cast<Index>(gradient.size());
  const std::span<const float> before = stepParameters->trainable();
  const std::span<float> after = updated->trainable();
  std::ranges::copy(stepParameters->flat().subspan(before.size()),
                    updated->flat().begin() + extentOf);
  optimizer->setLearningRate(rules->experiment.learningRateAt(done));
  optimizer->beginStep(gradient.size());
  const auto sums = reduceChunks<2>(extentOf, [&](Index from, Index to) {
    scaledSum(inverse, clippedSum.data() + from, noise.data() + from, gradient.data() + from,
              to - from);
    std::copy(before.begin() + from, before.begin() + to, after.begin() + from);
    optimizer->stepRange(after, gradient, from, to);
    const PairSums chunk = pairSums(after.data() + from, before.data() + from, to - from);
    return std::array{chunk.xx, chunk.distance};
  });
  part->learningRate = optimizer->learningRate();
  // The others scale the noise by what they remember, weight by weight.
  part->updateNoise = optimizer->name() == "sgd"
                          ? part->learningRate * next.noise->std / rules->expectedBatch
                          : notANumber;
  part->parameterNorm = std::sqrt(sums[0]);
  part->updateNorm = std::sqrt(sums[1]);
  parameters = std::move(updated);
  next.update = std::move(part);
}

}  // namespace clipscope
