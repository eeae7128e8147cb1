// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/lane_set.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/training/experiment_change.h"

namespace clipscope {

namespace {

/// Lanes keep less of their past than the main run: they share a memory.
constexpr PastSettings lanePast{.checkpointEvery = 8,
                                .byteBudget = Index{48} << 20,
                                .maxCheckpoints = 64,
                                .drawsBudget = Index{1} << 20};

bool standsAt(const RunSession& session, Index step, std::optional<Phase> phase) {
  const StepRecord& record = *session.record();
  return record.step == step && (step == 0 || record.completed == phase);
}

}  // namespace

std::string whyNoLane(const Experiment& experiment, const Experiment& main) {
  if (experiment.run.secureMode || main.run.secureMode)
    return "runs in secure mode have draws of their own and cannot be lanes";
  if (!(experiment.data == main.data)) return "it has other data";
  if (!(experiment.model == main.model)) return "it has another model";
  if (experiment.run.seed != main.run.seed) return "it has another seed";
  if (!(experiment.sampling == main.sampling)) return "it draws other batches";
  if (experiment.run.threads != main.run.threads) return "it has other threads";
  return {};
}

void LaneSet::add(const LaneSettings& settings, const Experiment& main, const LoadedData& data) {
  if (m_lanes.size() == mostLanes)
    throw SettingError("there are " + std::to_string(mostLanes) +
                       " lanes beside the main run; remove one first");
  const std::string why = whyNoLane(settings.experiment, main);
  if (!why.empty())
    throw SettingError("\"" + settings.name + "\" cannot be a lane: " + why +
                       "; lanes share data, model, seed, threads and sampling");
  m_lanes.push_back(
      {settings, std::make_unique<RunSession>(settings.experiment, data, lanePast), {}});
}

void LaneSet::remove(std::size_t lane) {
  m_lanes.erase(m_lanes.begin() + static_cast<std::ptrdiff_t>(lane));
}

void LaneSet::follow(Index step, std::optional<Phase> phase, std::stop_token stop) {
  const Phase last = phase.value_or(Phase::Account);
  for (Lane& lane : m_lanes) {
    RunSession& session = *lane.session;
    const RunPosition known = session.position();
    if (step < known.knownSteps ||
        (step == known.knownSteps && (step == 0 || last <= *known.knownPhase))) {
      if (!standsAt(session, step, phase)) session.goTo(step, last, stop);
      continue;
    }
    if (known.isPast()) session.goTo(known.knownSteps, *known.knownPhase, stop);
    while (!standsAt(session, step, phase)) {
      session.advanceTo(session.stepsDone() < step - 1 ? Phase::Account : last, stop);
      session.doWhatIsDue(stop);
    }
  }
}

bool LaneSet::isBehind(Index step, std::optional<Phase> phase) const {
  return !std::ranges::all_of(
      m_lanes, [&](const Lane& lane) { return standsAt(*lane.session, step, phase); });
}

std::vector<LaneView> LaneSet::views(const Experiment& main) {
  std::vector<LaneView> made;
  for (Lane& lane : m_lanes) {
    lane.session->takeNews().addTo(lane.history);
    LaneView view;
    view.name = lane.settings.name;
    view.change = describeChange(main, lane.settings.experiment);
    view.experiment = std::make_shared<const Experiment>(lane.settings.experiment);
    const auto& all = lane.history.summaries();
    view.steps.assign(all.begin(), all.end());
    view.record = lane.session->record();
    made.push_back(std::move(view));
  }
  return made;
}

}  // namespace clipscope
