// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/step_draft.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/training/diagnostics.h"

namespace clipscope {

namespace {

/// What the rest of a NormsPart is computed from, but for the quantiles: those were recorded, from
/// norms in double.
void finishNorms(NormsPart& part) {
  const std::array recorded{part.q05, part.q25, part.q50, part.q75, part.q95, part.max};
  summariseNorms(part);
  part.q05 = recorded[0];
  part.q25 = recorded[1];
  part.q50 = recorded[2];
  part.q75 = recorded[3];
  part.q95 = recorded[4];
  part.max = recorded[5];
}

}  // namespace

void StepDraft::finish(bool tables) {
  const auto tensors = static_cast<Index>(info->tensors.size());
  std::vector<ClippingGroup> groups;
  std::vector<double> thresholds;
  for (GroupResult& group : clip->groups) group.tensors.clear();
  for (std::size_t t = 0; t < clip->groupOf.size(); ++t)
    clip->groups[static_cast<std::size_t>(clip->groupOf[t])].tensors.push_back(
        static_cast<Index>(t));
  for (const GroupResult& group : clip->groups)
    if (group.tensors.empty()) throw FileError("its group " + group.name + " has no tensor");
  noise->tensorStd.resize(info->tensors.size());
  for (const GroupResult& group : clip->groups) {
    groups.push_back({group.name, group.tensors});
    thresholds.push_back(group.threshold);
    for (const Index t : group.tensors)
      noise->tensorStd[static_cast<std::size_t>(t)] = group.noiseStd;
  }
  if (library && (!tables || rows != batchSize)) sample->drawn = batchSize;
  norms->norms.resize(tables ? rows : 0, tensors);
  std::ranges::copy(normValues, norms->norms.values().begin());
  finishNorms(*norms);
  restoreFactors(norms->norms, Grouping(std::move(groups), tensors), thresholds, factorValues,
                 clip->factors);
}

std::shared_ptr<const StepRecord> StepDraft::record() const {
  auto made = std::make_shared<StepRecord>();
  made->info = info;
  made->step = step;
  made->completed = Phase::Account;
  made->sample = sample;
  made->forward = forward;
  made->norms = norms;
  made->clip = clip;
  made->noise = noise;
  made->update = update;
  made->account = account;
  if (evaluated) made->evaluation = evaluation;
  made->library = library;
  made->seconds = seconds;
  made->times = times;
  made->joined = joined;
  made->kept = kept;
  made->keptBytes = keptBytes;
  return made;
}

}  // namespace clipscope
