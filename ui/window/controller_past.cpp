// SPDX-License-Identifier: GPL-3.0-or-later
// What the window does with a run's past.
#include <QTimer>

#include "ui/plots/number_format.h"
#include "ui/window/controller.h"
#include "ui/window/epsilon_text.h"

namespace clipscope {

namespace {
/// A jump that takes longer shows its progress, and gives way to a newer one.
constexpr int noticed = 250;  // ms
}  // namespace

void Controller::takePast(const PastUpdate& update) {
  const bool sameBranch = m_position.branch == update.position.branch;
  m_position = update.position;
  const RunNews& news = update.news;
  const bool changed =
      news.keep < m_history.steps() || !news.summaries.empty() || !news.evaluations.empty();
  news.addTo(m_history);
  news.addTo(m_exampleHistory);
  takeRecording(update);
  takeLanes(update);
  if (news.branches) m_branches = news.branches;
  if (news.branches || !sameBranch) emit branchesChanged();
  if (changed || news.branches) emit historyChanged();
  // The settings shown are those of the next step from here; an edit under way is newer.
  if (update.edit != m_edit || update.experiment == m_experiment) return;
  m_experiment = update.experiment;
  m_changes.follow(m_experiment);
  emit experimentChanged();
}

void Controller::jump(std::function<void(TrainingWorker&, int, std::stop_token)> command) {
  if (!m_session) return;
  if (m_running) pause();
  if (m_jumping) {
    m_nextJump = std::move(command);
    if (m_jumpTime.elapsed() > noticed) stop();
    return;
  }
  m_jumping = true;
  m_jumpTime.start();
  post(std::move(command));
  QTimer::singleShot(noticed, this, [this] {
    if (!m_jumping || m_jumpTime.elapsed() < noticed) return;
    m_replaying = true;
    emit stateChanged();
  });
}

void Controller::finishJump() {
  if (!m_jumping) return;
  m_jumping = false;
  m_replaying = false;
  if (m_nextJump) jump(std::exchange(m_nextJump, nullptr));
}

void Controller::stepBack() {
  jump([](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.stepBack(runId, token);
  });
}

void Controller::phaseBack() {
  jump([](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.phaseBack(runId, token);
  });
}

void Controller::goTo(Index step, Phase phase) {
  // A whole step far away is shown as it was recorded, before it is replayed.
  if (phase == Phase::Account && !isReadOnly()) return goToBranch(m_position.branch, step);
  jump([step, phase](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.goTo(step, phase, runId, token);
  });
}

void Controller::goToStep(Index step) {
  if (step < 1 || step > m_position.knownSteps) return;
  goTo(step, m_position.phase.value_or(Phase::Account));
}

void Controller::toPhase(Phase phase) {
  if (isReadOnly()) return;
  if (m_position.step > 0 && m_position.phase && phase <= *m_position.phase)
    goTo(m_position.step, phase);
  else
    advanceTo(phase);
}

void Controller::runTo(const RunGoal& goal) {
  if (!m_session) return;
  if (goal.step && *goal.step <= m_position.knownSteps) return goTo(*goal.step, Phase::Account);
  if (m_record && goal.isMetBy(*m_record)) {
    emit message(goal.epsilon
                     ? tr("%1 already").arg(epsilonText(*m_record->account))
                     : tr("The loss is %1 already").arg(shortNumber(m_record->forward->meanLoss)),
                 false);
    return;
  }
  if (isReadOnly()) return;
  if (m_running) pause();
  startRun(goal);
}

void Controller::setSpeed(double stepsPerSecond) { m_worker->setSpeed(stepsPerSecond); }

}  // namespace clipscope
