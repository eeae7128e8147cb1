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
      {settings, std::make_unique<RunSession>(settings.experiment, data, lanePast), ++m_lastId});
}

void LaneSet::remove(int id) {
  std::erase_if(m_lanes, [&](const Lane& lane) { return lane.id == id; });
}

std::vector<std::string> LaneSet::removeUnlike(const Experiment& main) {
  std::vector<std::string> removed;
  std::erase_if(m_lanes, [&](const Lane& lane) {
    if (whyNoLane(lane.settings.experiment, main).empty()) return false;
    removed.push_back(lane.settings.name);
    return true;
  });
  return removed;
}

void LaneSet::follow(Index step, std::optional<Phase> phase, std::stop_token stop,
                     const std::function<void()>& onStep) {
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
      if (onStep && !standsAt(session, step, phase)) onStep();
    }
  }
}

bool LaneSet::isBehind(Index step, std::optional<Phase> phase) const {
  return !std::ranges::all_of(
      m_lanes, [&](const Lane& lane) { return standsAt(*lane.session, step, phase); });
}

std::vector<LaneNews> LaneSet::takeNews(const Experiment& main) {
  std::vector<LaneNews> made;
  for (Lane& lane : m_lanes) {
    LaneNews news;
    news.id = lane.id;
    news.name = lane.settings.name;
    news.change = describeChange(main, lane.settings.experiment);
    news.experiment = std::make_shared<const Experiment>(lane.settings.experiment);
    news.record = lane.session->record();
    news.news = lane.session->takeNews();
    made.push_back(std::move(news));
  }
  return made;
}

void addLaneNews(const std::vector<LaneNews>& news, std::vector<LaneView>& views) {
  std::erase_if(views, [&](const LaneView& view) {
    return std::ranges::find(news, view.id, &LaneNews::id) == news.end();
  });
  for (const LaneNews& one : news) {
    auto view = std::ranges::find(views, one.id, &LaneView::id);
    if (view == views.end()) view = views.insert(views.end(), LaneView{one.id, {}, {}, {}, {}, {}});
    view->name = one.name;
    view->change = one.change;
    view->experiment = one.experiment;
    view->record = one.record;
    one.news.addTo(view->history);
  }
}

}  // namespace clipscope
