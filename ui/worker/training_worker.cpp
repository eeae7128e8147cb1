// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/worker/training_worker.h"

#include <algorithm>
#include <thread>

#include "engine/error.h"
#include "engine/interchange/run_folder.h"
#include "ui/worker/guarded.h"

namespace clipscope {

bool TrainingWorker::send(int runId, bool always) {
  // One slow drawing (the first, or on a busy machine) does not hold the next back for long.
  constexpr double leastInterval = 0.05, share = 7, mostInterval = 1;
  const auto now = std::chrono::steady_clock::now();
  if (!always) {
    const double since = std::chrono::duration<double>(now - m_lastSent).count();
    const double drawing = m_drawingSeconds.load(std::memory_order_relaxed);
    if (since < std::clamp(share * drawing, leastInterval, mostInterval)) return false;
    if (m_recordUnderWay.load(std::memory_order_acquire)) return false;
  }
  m_lastSent = now;
  m_recordUnderWay.store(true, std::memory_order_release);
  auto update = std::make_shared<PastUpdate>();
  update->position = m_view ? m_view->position() : m_session->position();
  update->news = m_view ? m_view->takeNews() : m_session->takeNews();
  update->experiment = m_view ? m_view->experiment() : m_session->experiment();
  update->recording = recordingState();
  update->edit = m_edit;
  for (const Breakpoint& breakpoint : m_breakpoints.list())
    update->breakHits.push_back(breakpoint.hits);
  if (m_lanes.count() > 0 || m_hadLanes) {
    update->lanes = std::make_shared<const std::vector<LaneNews>>(
        m_lanes.takeNews(m_session ? m_session->experiment() : update->experiment));
    m_hadLanes = m_lanes.count() > 0;
  }
  emit pastReady(runId, std::move(update));
  emit recordReady(runId, m_view ? m_view->record() : m_session->record());
  return true;
}

bool RunGoal::isMetBy(const StepRecord& record) const {
  if (!record.has(Phase::Account)) return false;
  return (step && record.step >= *step) || (epsilon && record.account->epsilon >= *epsilon) ||
         (loss && record.forward->meanLoss < *loss);
}

void TrainingWorker::open(const Experiment& experiment, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    auto run = std::make_unique<RunSession>(experiment, loadDataset(experiment.data));
    if (stop.stop_requested()) throw Cancelled();
    take(std::move(run), nullptr, false);
    startRecovery(runId);
    emit opened(runId, describe());
    // The first screen is full: the first batch, up to its clip factors.
    m_session->advanceTo(Phase::Clip, stop);
    send(runId, true);
  });
}

void TrainingWorker::advanceTo(Phase phase, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    m_session->doWhatIsDue(stop);  // where a pause cut it short
    std::optional<BreakHit> hit;
    if (phase == Phase::Account && m_breakpoints.isActive())
      hit = m_breakpoints.finishStep(*m_session, stop);
    else
      m_session->advanceTo(phase, stop);
    send(runId, true);
    if (hit) emit broke(runId, *hit);
    if (!m_session->evaluationDue() && !m_session->refreshDue() && m_lanes.count() == 0) return;
    m_session->doWhatIsDue(stop);
    followWithLanes(stop);
    send(runId, true);
  });
}

void TrainingWorker::run(const RunGoal& goal, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    m_session->doWhatIsDue(stop);
    while (!stop.stop_requested()) {
      const auto started = std::chrono::steady_clock::now();
      const auto hit = m_breakpoints.finishStep(*m_session, stop);
      m_session->doWhatIsDue(stop);
      followWithLanes(stop);
      if (hit) {
        emit broke(runId, *hit);
        break;
      }
      if (goal.isMetBy(*m_session->record())) break;
      keepPace(started, send(runId, false), runId, stop);
    }
    send(runId, true);
  });
}

void TrainingWorker::keepPace(std::chrono::steady_clock::time_point started, bool sent, int runId,
                              const std::stop_token& stop) {
  constexpr double slice = 0.01;  // how soon a pause or another speed is noticed
  while (!stop.stop_requested()) {
    const double speed = m_stepsPerSecond.load(std::memory_order_relaxed);
    if (speed <= 0) return;
    const auto now = std::chrono::steady_clock::now();
    const double left = 1 / speed - std::chrono::duration<double>(now - started).count();
    if (left <= 0) return;
    if (!sent) sent = send(runId, false);
    std::this_thread::sleep_for(std::chrono::duration<double>(std::min(left, slice)));
  }
}

void TrainingWorker::goTo(Index step, Phase phase, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (m_view) {
      m_view->goTo(m_view->position().branch, step);
    } else if (m_session) {
      m_session->goTo(step, phase, stop);
      m_session->doWhatIsDue(stop);  // where it was cut short the first time
      followWithLanes(stop);
    } else {
      return;
    }
    send(runId, true);
  });
}

void TrainingWorker::stepBack(int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (m_view)
      m_view->goTo(m_view->position().branch, std::max<Index>(0, m_view->position().step - 1));
    else if (m_session)
      m_session->stepBack(stop);
    else
      return;
    followWithLanes(stop);
    send(runId, true);
  });
}

void TrainingWorker::phaseBack(int runId, std::stop_token stop) {
  if (m_view) return stepBack(runId, stop);
  guarded(runId, [&] {
    if (!m_session) return;
    m_session->phaseBack(stop);
    followWithLanes(stop);
    send(runId, true);
  });
}

void TrainingWorker::apply(const Experiment& experiment, int edit, int runId) {
  guarded(runId, [&] {
    m_edit = edit;
    if (!m_session) return;
    m_session->apply(experiment);
    dropUnlikeLanes(runId);
  });
}

void TrainingWorker::reset(int runId) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    // What was recorded is a run of its own.
    m_session->closeRecording();
    m_session->reset();
    m_isNamed = false;
    startRecovery(runId);
    m_session->advanceTo(Phase::Clip);
    followWithLanes({});
    send(runId, true);
  });
}

void TrainingWorker::exportRun(const QString& folder, const Attachments& attachments, int runId) {
  guarded(runId, [&] {
    if (refuses(runId)) return;
    // The rows of a step are its finished ones.
    if (!m_session->record()->has(Phase::Account)) m_session->finishStep();
    send(runId, true);
    RunFolder out(folder.toStdString(), factsOf(m_session->trainer(), CLIPSCOPE_VERSION));
    out.add(*m_session->record());
    for (const auto& [name, bytes] : attachments) out.attach(name, bytes);
    out.finish(false);
    emit exported(runId, folder);
  });
}

void TrainingWorker::buildGram(int runId, std::stop_token stop) {
  std::shared_ptr<const NormsPart> norms;
  std::shared_ptr<const BatchGram> gram;
  try {
    if (m_session && !stop.stop_requested()) {
      const auto probe = probeShown(runId, stop);
      norms = m_session->record()->norms;
      if (norms && probe && !probe->examples().empty()) gram = BatchGram::build(*probe, stop);
    }
  } catch (const Cancelled&) {
    // Another command came: the batch it leaves behind gets its own.
  } catch (const std::bad_alloc&) {
    emit failed(runId, tr("There is not enough memory to compare clippings of a batch of this "
                          "size; numbers that need only norms are shown."));
  } catch (const std::exception& error) {
    emit failed(runId, QString::fromUtf8(error.what()));
  }
  emit gramReady(runId, norms, gram);
}

}  // namespace clipscope
