// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/norm_refresh.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

namespace {

/// Not below the value: a share that was rounded down would cost too little.
float roundedUp(double value) {
  const auto near = static_cast<float>(value);
  return static_cast<double>(near) < value ? std::nextafter(near, 2.0f) : near;
}

}  // namespace

float usedShare(const ClipFactors& factors, Index row, std::span<const GroupResult> groups,
                double sensitivity) {
  double used = 0, whole = 0;
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const GroupResult& group = groups[k];
    const double norm = factors.clippedGroupNorm(row, static_cast<Index>(k));
    if (!(group.noiseStd > 0)) return 1;
    used += norm * norm / (group.noiseStd * group.noiseStd);
    whole += group.threshold * group.threshold / (group.noiseStd * group.noiseStd);
  }
  return std::isfinite(sensitivity) && whole > 0 ? roundedUp(std::min(1.0, std::sqrt(used / whole)))
                                                 : 1;
}

std::shared_ptr<const NormRefresh> Trainer::refreshNorms(std::stop_token stop) const {
  const State& s = *m_state;
  if (!s.current->has(Phase::Clip) || !s.stepParameters)
    throw SettingError("norms are refreshed at a step that has clipped; go on to its phase Clip");
  constexpr std::size_t atOnce = 8192;  // bounds the table of norms
  const ClipPart& clip = *s.current->clip;
  const auto tensors = static_cast<std::size_t>(s.model->table().trainableCount());
  auto made = std::make_shared<NormRefresh>();
  made->step = s.current->step;
  made->norms.assign(static_cast<std::size_t>(s.data.data->size()), NAN);
  made->shares = made->norms;
  PreparedParameters prepared;
  s.model->prepare(*s.stepParameters, prepared);
  BatchRunner passes(s.model, s.rules->experiment.run.threads);
  std::vector<float> losses;
  std::vector<int> predictions;
  std::vector<double> squares, global;
  NormTable norms;
  ClipFactors factors;
  const std::span<const Index> examples(s.data.train);
  for (std::size_t from = 0; from < examples.size(); from += atOnce) {
    const auto part = examples.subspan(from, std::min(atOnce, examples.size() - from));
    const auto rows = static_cast<Index>(part.size());
    losses.resize(part.size());
    predictions.resize(part.size());
    squares.resize(part.size() * tensors);
    norms.resize(rows, static_cast<Index>(tensors));
    BatchTask task;
    task.parameters = &prepared;
    task.data = s.data.data.get();
    task.examples = part;
    task.key = s.stepKey;
    task.losses = losses;
    task.predictions = predictions;
    task.squaredNorms = squares;
    task.norms = norms.values();
    passes.begin(rows, false);
    passes.run(Pass::Forward, Pass::Norms, task, stop);
    computeFactors(norms, s.rules->grouping, s.thresholds, *s.rules->strategy, factors);
    for (Index i = 0; i < rows; ++i) {
      const auto example = static_cast<std::size_t>(part[static_cast<std::size_t>(i)]);
      made->norms[example] = static_cast<float>(norms.globalNorm(i));
      made->shares[example] = usedShare(factors, i, clip.groups, clip.sensitivity);
    }
  }
  return made;
}

}  // namespace clipscope
