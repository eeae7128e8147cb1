// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/worker/training_worker.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/interchange/run_folder.h"

namespace clipscope {

template <class Body>
void TrainingWorker::guarded(int runId, Body&& body) {
  try {
    body();
  } catch (const Cancelled&) {
    // A stop is an answer, not a failure; phases that were complete are shown below.
    if (m_trainer) send(runId, true);
  } catch (const std::bad_alloc&) {
    emit failed(runId,
                tr("There is not enough memory for this; lower the batch size or the model."));
  } catch (const std::exception& error) {
    emit failed(runId, QString::fromUtf8(error.what()));
  }
  emit finished(runId);
}

void TrainingWorker::send(int runId, bool always) {
  constexpr double leastInterval = 0.05, share = 5;
  const auto now = std::chrono::steady_clock::now();
  if (!always) {
    const double since = std::chrono::duration<double>(now - m_lastSent).count();
    const double drawing = m_drawingSeconds.load(std::memory_order_relaxed);
    if (since < std::max(leastInterval, share * drawing)) return;
    if (m_recordUnderWay.load(std::memory_order_acquire)) return;
  }
  m_lastSent = now;
  m_recordUnderWay.store(true, std::memory_order_release);
  emit recordReady(runId, m_trainer->record());
}

void TrainingWorker::open(const Experiment& experiment, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    auto trainer = std::make_unique<Trainer>(experiment, loadDataset(experiment.data));
    if (stop.stop_requested()) throw Cancelled();
    auto session = std::make_shared<Session>();
    session->experiment = trainer->experiment();
    session->data = trainer->data().data;
    session->model = trainer->sharedModel();
    session->trainExamples = static_cast<Index>(trainer->data().train.size());
    session->testExamples = static_cast<Index>(trainer->data().test.size());
    session->test = trainer->data().test;
    m_trainer = std::move(trainer);
    emit opened(runId, session);
    // The first screen is full: the first batch, up to its clip factors.
    m_trainer->advanceTo(Phase::Clip, stop);
    send(runId, true);
  });
}

void TrainingWorker::advanceTo(Phase phase, int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (!m_trainer) return;
    m_trainer->advanceTo(phase, stop);
    send(runId, true);
    if (m_trainer->evaluationDue()) {
      m_trainer->evaluate(stop);
      send(runId, true);
    }
  });
}

void TrainingWorker::run(int runId, std::stop_token stop) {
  guarded(runId, [&] {
    if (!m_trainer) return;
    while (!stop.stop_requested()) {
      m_trainer->finishStep(stop);
      if (m_trainer->evaluationDue()) m_trainer->evaluate(stop);
      send(runId, false);
    }
    send(runId, true);
  });
}

void TrainingWorker::apply(const Experiment& experiment, int runId) {
  guarded(runId, [&] {
    if (m_trainer) m_trainer->apply(experiment);
  });
}

void TrainingWorker::reset(int runId) {
  guarded(runId, [&] {
    if (!m_trainer) return;
    m_trainer->reset();
    m_trainer->advanceTo(Phase::Clip);
    send(runId, true);
  });
}

void TrainingWorker::exportRun(const QString& folder, const Attachments& attachments, int runId) {
  guarded(runId, [&] {
    if (!m_trainer) return;
    // The rows of a step are its finished ones.
    if (!m_trainer->record()->has(Phase::Account)) m_trainer->finishStep();
    send(runId, true);
    RunFolder out(folder.toStdString(), factsOf(*m_trainer, CLIPSCOPE_VERSION));
    out.add(*m_trainer->record());
    for (const auto& [name, bytes] : attachments) out.attach(name, bytes);
    out.finish(false);
    emit exported(runId, folder);
  });
}

}  // namespace clipscope
