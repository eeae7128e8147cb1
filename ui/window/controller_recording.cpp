// SPDX-License-Identifier: GPL-3.0-or-later
// What the window does with recordings and branches.
#include "ui/window/controller.h"

namespace clipscope {

namespace {
/// How often a recording that another process writes is looked at.
constexpr int followEvery = 300;  // ms
}  // namespace

void Controller::connectRecording() {
  m_follow = new QTimer(this);
  m_follow->setInterval(followEvery);
  connect(m_follow, &QTimer::timeout, this, [this] {
    // While commands run, what they send says it.
    if (m_pending > 0 || (!isReadOnly() && (m_recording.path.empty() || isAllSaved()))) return;
    QMetaObject::invokeMethod(
        m_worker, [worker = m_worker, runId = m_runId] { worker->follow(runId); },
        Qt::QueuedConnection);
  });
  m_follow->start();
  connect(m_worker, &TrainingWorker::recordingReported, this,
          [this](int runId, const RecordingState& state) {
            if (runId < m_runId) return;
            m_recording = state;
            emit recordingChanged();
          });
  connect(m_worker, &TrainingWorker::noted, this, [this](int runId, const QString& text) {
    if (runId >= m_runId) emit message(text, false);
  });
  connect(m_worker, &TrainingWorker::recordingFailed, this, [this](int runId, const QString& text) {
    if (runId >= m_runId) emit recordingFailed(text);
  });
  connect(m_worker, &TrainingWorker::recordingSaved, this, [this](int runId, const QString& path) {
    if (runId < m_runId) return;
    emit message(tr("The run is recorded in %1 (not private)").arg(path), false);
  });
}

bool Controller::isAllSaved() const {
  const bool underWay = m_position.knownPhase && *m_position.knownPhase != Phase::Account;
  const Index whole = m_position.knownSteps - (underWay ? 1 : 0);
  return !m_recording.hasFailed && m_recording.savedStep >= whole;
}

void Controller::takeRecording(const PastUpdate& update) {
  m_recording = update.recording;
  emit recordingChanged();
}

void Controller::setRecoveryFolder(const QString& folder) {
  QMetaObject::invokeMethod(
      m_worker, [worker = m_worker, folder] { worker->setRecoveryFolder(folder); },
      Qt::QueuedConnection);
}

void Controller::openRecording(const QString& path) {
  stop();
  m_nextJump = nullptr;
  ++m_lastId;
  m_loading = true;
  m_restarting = false;
  m_openingFile.clear();
  post([path](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.openRecording(path, runId, token);
  });
}

void Controller::saveRecordingAs(const QString& path) {
  postInBetween([path](TrainingWorker& worker, int runId, std::stop_token) {
    worker.saveRecordingAs(path, runId);
  });
}

void Controller::giveUpRecording() {
  post([](TrainingWorker& worker, int runId, std::stop_token) { worker.giveUpRecording(runId); });
}

void Controller::goToBranch(int branch, Index step) {
  jump([branch, step](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.goToBranch(branch, step, runId, token);
  });
}

void Controller::goToBranch(int branch) {
  for (const BranchLine& line : *m_branches)
    if (line.number == branch)
      goToBranch(branch, branch == m_position.branch ? m_position.knownSteps : line.steps);
}

void Controller::renameBranch(int branch, const QString& name) {
  postInBetween([branch, name](TrainingWorker& worker, int runId, std::stop_token) {
    worker.renameBranch(branch, name, runId);
  });
}

void Controller::pruneBranch(int branch) {
  postInBetween([branch](TrainingWorker& worker, int runId, std::stop_token) {
    worker.pruneBranch(branch, runId);
  });
}

}  // namespace clipscope
