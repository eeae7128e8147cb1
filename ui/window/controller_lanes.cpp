// SPDX-License-Identifier: GPL-3.0-or-later
// What the window does with lanes and breakpoints.
#include <algorithm>

#include "engine/session/privacy_ledger.h"

#include "ui/window/controller.h"

namespace clipscope {

void Controller::connectLanes() {
  connect(m_worker, &TrainingWorker::broke, this, [this](int runId, const BreakHit& hit) {
    if (runId < m_runId) return;
    emit broke(hit);
    emit message(
        tr("Stopped at step %1 after phase %2: %3 (breakpoint %4, hit %5)")
            .arg(hit.step)
            .arg(QString::fromUtf8(phaseName(hit.phase).data()), QString::fromStdString(hit.why))
            .arg(hit.breakpoint + 1)
            .arg(hit.hits),
        false);
  });
}

void Controller::takeLanes(const PastUpdate& update) {
  bool counted = false;
  // Of another list, an update says nothing.
  if (update.breakHits.size() == m_breakpoints.size())
    for (std::size_t k = 0; k < m_breakpoints.size(); ++k) {
      counted = counted || m_breakpoints[k].hits != update.breakHits[k];
      m_breakpoints[k].hits = update.breakHits[k];
    }
  if (counted) emit breakpointsChanged();
  if (!update.lanes) return;
  for (const LaneView& lane : m_lanes) {
    const auto left = std::ranges::find(*update.lanes, lane.id, &LaneNews::id);
    if (left == update.lanes->end() && lane.history.steps() > 0)
      m_formerLanes.push_back(ledgerLineOf(lane.id, lane.name, lane.history));
  }
  addLaneNews(*update.lanes, m_lanes);
  emit lanesChanged();
}

std::vector<BranchLine> Controller::laneUses() const {
  std::vector<BranchLine> uses = m_formerLanes;
  for (const LaneView& lane : m_lanes)
    if (lane.history.steps() > 0) uses.push_back(ledgerLineOf(lane.id, lane.name, lane.history));
  return uses;
}

void Controller::setBreakpoints(const std::vector<Breakpoint>& list) {
  m_breakpoints = list;
  postInBetween([list](TrainingWorker& worker, int runId, std::stop_token) {
    worker.setBreakpoints(list, runId);
  });
  emit breakpointsChanged();
}

void Controller::addLanes(const std::vector<LaneSettings>& lanes) {
  if (!m_session) return;
  postInBetween([lanes](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.addLanes(lanes, runId, token);
  });
}

void Controller::removeLane(int id) {
  postInBetween(
      [id](TrainingWorker& worker, int runId, std::stop_token) { worker.removeLane(id, runId); });
}

void Controller::clearLanes() {
  postInBetween(
      [](TrainingWorker& worker, int runId, std::stop_token) { worker.clearLanes(runId); });
}

void Controller::useLane(int id) {
  const auto lane = std::ranges::find(m_lanes, id, &LaneView::id);
  if (lane == m_lanes.end()) return;
  Experiment taken = *lane->experiment;
  taken.run = m_experiment.run;
  edit(taken);
}

}  // namespace clipscope
