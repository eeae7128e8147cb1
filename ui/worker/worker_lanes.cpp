// SPDX-License-Identifier: GPL-3.0-or-later
// What the worker does with lanes and breakpoints.
#include "ui/worker/guarded.h"
#include "ui/worker/training_worker.h"

namespace clipscope {

void TrainingWorker::setBreakpoints(std::vector<Breakpoint> list, int runId) {
  guarded(runId, [&] {
    for (Breakpoint& breakpoint : list)
      for (const Breakpoint& known : m_breakpoints.list())
        if (known.condition.text() == breakpoint.condition.text()) breakpoint.hits = known.hits;
    m_breakpoints.list() = std::move(list);
    if (m_session) send(runId, true);
  });
}

void TrainingWorker::addLanes(const std::vector<LaneSettings>& adds, int runId,
                              std::stop_token stop) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    try {
      for (const LaneSettings& one : adds)
        m_lanes.add(one, m_session->experiment(), m_session->data());
    } catch (...) {
      send(runId, true);
      throw;
    }
    // Where this is cut short, the next command goes on with it.
    send(runId, true);
    followWithLanes(stop, runId);
    send(runId, true);
  });
}

void TrainingWorker::removeLane(int id, int runId) {
  guarded(runId, [&] {
    m_lanes.remove(id);
    if (m_session) send(runId, true);
  });
}

void TrainingWorker::clearLanes(int runId) {
  guarded(runId, [&] {
    m_lanes.clear();
    if (m_session) send(runId, true);
  });
}

void TrainingWorker::followWithLanes(std::stop_token stop, int progress) {
  if (!m_session || m_lanes.count() == 0) return;
  const StepRecord& record = *m_session->record();
  std::function<void()> onStep;
  if (progress != 0) onStep = [this, progress] { send(progress, false); };
  m_lanes.follow(record.step, record.completed, stop, onStep);
}

void TrainingWorker::dropUnlikeLanes(int runId) {
  const auto removed = m_lanes.removeUnlike(m_session->experiment());
  if (removed.empty()) return;
  QStringList names;
  for (const std::string& name : removed) names << QString::fromStdString(name);
  emit noted(runId,
             tr("Lanes that no longer share data, model, seed and sampling with the run were "
                "removed: %1")
                 .arg(names.join(QStringLiteral(", "))));
  send(runId, true);
}

}  // namespace clipscope
