// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/what_if/tried_record.h"

#include <algorithm>
#include <cmath>

namespace clipscope {

namespace {

std::shared_ptr<const ClipPart> triedClip(const StepRecord& step, const WhatIfRules& rules,
                                          const WhatIfNumbers& numbers) {
  auto part = std::make_shared<ClipPart>();
  part->strategy = rules.strategyName;
  part->groupOf.resize(static_cast<std::size_t>(rules.grouping.tensors()));
  for (std::size_t k = 0; k < rules.grouping.groups().size(); ++k) {
    const ClippingGroup& group = rules.grouping.groups()[k];
    const GroupNumbers& n = numbers.groups[k];
    part->groups.push_back({group.name, group.tensors, n.threshold, n.clippedFraction, n.noiseStd});
    for (const Index tensor : group.tensors)
      part->groupOf[static_cast<std::size_t>(tensor)] = static_cast<Index>(k);
  }
  part->factors = numbers.factors;
  part->maxGradNorm = numbers.maxGradNorm;
  part->clippedFraction = numbers.clippedFraction;
  part->aboveOneFraction = numbers.aboveOneFraction;
  part->retainedNorm = numbers.total.retainedNorm;
  part->signal = numbers.total.signal;
  part->biasRatio = numbers.total.biasRatio;
  part->biasCosine = numbers.total.biasCosine;
  part->biasScaleFree = numbers.total.biasScaleFree;
  for (const SumNumbers& tensor : numbers.tensors) {
    part->tensorSignal.push_back(tensor.signal);
    part->tensorBiasRatio.push_back(tensor.biasRatio);
    part->tensorBiasCosine.push_back(tensor.biasCosine);
  }
  for (Index i = 0; i < part->factors.examples(); ++i) {
    if (part->worstExample >= 0 && part->factors.clippedNorm(i) <= part->worstContribution)
      continue;
    part->worstContribution = part->factors.clippedNorm(i);
    part->worstExample = i;
  }
  part->sensitivity = numbers.sensitivity;
  if (step.clip) part->suggestedThreshold = step.clip->suggestedThreshold;
  return part;
}

std::shared_ptr<const NoisePart> triedNoise(const NoisePart& drawn, const ClipPart& clip,
                                            const RunInfo& info, const WhatIfNumbers& numbers) {
  auto part = std::make_shared<NoisePart>(drawn);
  for (std::size_t p = 0; p < info.sizes.size(); ++p) {
    const double std = clip.groups[static_cast<std::size_t>(clip.groupOf[p])].noiseStd;
    part->tensorStd[p] = std;
    part->tensorExpected[p] = std * std::sqrt(static_cast<double>(info.sizes[p]));
    part->tensorRealised[p] = numbers.tensors[p].noiseRealised;
  }
  part->expected = numbers.total.noiseExpected;
  part->realised = numbers.total.noiseRealised;
  part->std = part->expected / std::sqrt(static_cast<double>(info.dimension));
  part->snr = numbers.total.snr;
  part->snrRealised = numbers.total.snrRealised;
  part->effectiveSigma = numbers.effectiveSigma;
  return part;
}

}  // namespace

std::shared_ptr<const StepRecord> triedRecord(const StepRecord& step, const WhatIfRules& rules,
                                              const WhatIfNumbers& numbers) {
  auto record = std::make_shared<StepRecord>(step);
  const auto clip = triedClip(step, rules, numbers);
  record->clip = clip;
  record->noise.reset();
  record->update.reset();
  record->account.reset();
  record->evaluation.reset();
  record->completed = Phase::Clip;
  if (step.noise && !std::isnan(numbers.total.signal) && !numbers.tensors.empty()) {
    record->noise = triedNoise(*step.noise, *clip, *step.info, numbers);
    record->completed = Phase::Noise;
  }
  return record;
}

}  // namespace clipscope
