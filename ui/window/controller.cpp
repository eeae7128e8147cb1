// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/controller.h"

#include <QTimer>
#include <chrono>
#include <fstream>

#include "engine/error.h"
#include "engine/model/presets.h"
#include "engine/recording/rank_merge.h"

namespace clipscope {

namespace {

bool looksLikeRecording(const std::filesystem::path& path) {
  constexpr std::string_view magic = "SQLite format 3";
  char begin[magic.size()] = {};
  std::ifstream(path, std::ios::binary).read(begin, sizeof begin);
  return std::string_view(begin, sizeof begin) == magic;
}

/// An experiment is JSON: its first mark that is not a blank is a brace.
bool looksLikeJson(const std::filesystem::path& path) {
  std::ifstream file(path);
  char c = 0;
  file >> std::ws;
  return file.get(c) && c == '{';
}

QString whatChanged(const Experiment& before, const Experiment& after) {
  if (!(before.data == after.data)) return Controller::tr("The data");
  if (!(before.model == after.model)) return Controller::tr("The model");
  if (before.run.seed != after.run.seed) return Controller::tr("The seed");
  if (before.run.threads != after.run.threads) return Controller::tr("The number of threads");
  return Controller::tr("The physical batch");
}

}  // namespace

Controller::Controller(QObject* parent) : QObject(parent), m_worker(new TrainingWorker) {
  m_worker->moveToThread(&m_thread);
  connect(&m_thread, &QThread::finished, m_worker, &QObject::deleteLater);
  connectWhatIf();
  connectRecording();
  connectLanes();
  connect(m_worker, &TrainingWorker::opened, this,
          [this](int runId, std::shared_ptr<const Session> session) {
            if (runId < m_runId) return;
            m_runId = runId;
            m_session = std::move(session);
            m_fallBack = false;
            m_experiment = m_session->experiment;
            if (!std::exchange(m_restarting, false))
              m_changes.begin(m_experiment);
            else
              remember(m_pendingMove);
            m_file = m_openingFile;
            m_record.reset();
            m_position = {};
            m_history.truncate(0);
            m_recording = {};
            m_branches = std::make_shared<const std::vector<BranchLine>>();
            m_exampleHistory.clear();
            m_lanes.clear();
            m_formerLanes.clear();
            m_selection.clear();
            emit sessionChanged();
            emit experimentChanged();
            emit historyChanged();
            emit lanesChanged();
          });
  connect(m_worker, &TrainingWorker::pastReady, this,
          [this](int runId, std::shared_ptr<const PastUpdate> update) {
            if (runId >= m_runId) takePast(*update);
          });
  connect(
      m_worker, &TrainingWorker::recordReady, this,
      [this](int runId, std::shared_ptr<const StepRecord> record) {
        const auto start = std::chrono::steady_clock::now();
        if (runId >= m_runId) {
          m_record = std::move(record);
          emit recordChanged();
        }
        // Plots are drawn and painted from the event queue: behind what is queued there now, and
        // once more behind what that queues.
        QTimer::singleShot(0, this, [this, start] {
          QTimer::singleShot(0, this, [this, start] {
            m_worker->recordShown(
                std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
          });
        });
      });
  connect(m_worker, &TrainingWorker::failed, this, [this](int runId, const QString& text) {
    if (runId >= m_runId) emit message(text, true);
    if (m_fallBack && !m_session) openDefault();
  });
  connect(m_worker, &TrainingWorker::exported, this, [this](int, const QString& folder) {
    emit message(tr("Step written to %1 (not private)").arg(folder), false);
  });
  connect(m_worker, &TrainingWorker::exampleViewed, this,
          [this](int runId, std::shared_ptr<const ExampleView> view) {
            if (runId >= m_runId) emit exampleViewed(std::move(view));
          });
  connect(m_worker, &TrainingWorker::finished, this, [this](int) {
    --m_pending;
    if (m_pending == 0) {
      m_running = false;
      m_loading = false;
      finishJump();
      prepareWhatIf();
    }
    emit stateChanged();
  });
  m_thread.start();
}

Controller::~Controller() {
  stop();
  m_gramStop.request_stop();
  m_thread.quit();
  m_thread.wait();
}

void Controller::openPath(const QString& text) {
  // Of a distributed run the name without a rank stands for all.
  const std::filesystem::path path = withRank(text.toStdString());
  try {
    std::error_code error;
    if (std::filesystem::is_regular_file(path, error) && looksLikeRecording(path))
      return openRecording(QString::fromStdString(path.string()));
    Experiment experiment = m_experiment;
    const bool isExperiment = std::filesystem::is_regular_file(path, error) && looksLikeJson(path);
    if (isExperiment) {
      experiment = loadExperiment(path);
    } else {
      experiment.data = settingsForPath(path, experiment.data);
      // A table has no pixels: the nearest preset that fits stands in.
      for (const ModelPreset& preset : modelPresets())
        if (experiment.data.source == DataSource::Csv && preset.images &&
            preset.name == experiment.model.preset)
          experiment.model.preset = "logistic";
    }
    m_openingFile = isExperiment ? path : std::filesystem::path();
    openExperiment(experiment);
  } catch (const Error& error) {
    emit message(QString::fromUtf8(error.what()), true);
  }
}

void Controller::openFirst(const QString& path) {
  m_fallBack = true;
  if (!path.isEmpty()) openPath(path);
  if (!m_loading) openDefault();
}

void Controller::openDefault() {
  m_fallBack = false;
  m_openingFile.clear();
  openExperiment(Experiment{});
}

void Controller::openExperiment(const Experiment& experiment) {
  stop();
  m_nextJump = nullptr;
  // The number in force rises when the new run opens: until then, and if it fails, the old run's
  // results are still the ones to show.
  ++m_lastId;
  m_loading = true;
  m_restarting = false;
  post([experiment](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.open(experiment, runId, token);
  });
}

void Controller::saveTo(const QString& text) {
  try {
    saveExperiment(m_experiment, text.toStdString());
    m_file = text.toStdString();
    emit message(tr("Experiment saved to %1").arg(text), false);
    emit experimentChanged();
  } catch (const Error& error) {
    emit message(QString::fromUtf8(error.what()), true);
  }
}

void Controller::runOrPause() {
  if (m_running) return pause();
  if (m_session && !isReadOnly()) startRun({});
}

void Controller::startRun(const RunGoal& goal) {
  m_nextJump = nullptr;
  m_running = true;
  m_goal = goal;
  post([goal](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.run(goal, runId, token);
  });
}

void Controller::pause() {
  stop();
  m_nextJump = nullptr;
  m_running = false;
  emit stateChanged();
}

void Controller::step() { advanceTo(Phase::Account); }

void Controller::nextPhase() {
  if (!m_record) return;
  const auto done = m_record->completed;
  const int next = done ? (static_cast<int>(*done) + 1) % phaseCount : 0;
  advanceTo(static_cast<Phase>(next));
}

void Controller::advanceTo(Phase phase) {
  if (!m_session) return;
  // What is known of a recording that is looked at can be walked through.
  if (isReadOnly()) return goToStep(m_position.step + 1);
  m_nextJump = nullptr;
  if (m_running) pause();
  post([phase](TrainingWorker& worker, int runId, std::stop_token token) {
    worker.advanceTo(phase, runId, token);
  });
}

void Controller::reset() {
  if (!m_session || isReadOnly()) return;
  stop();
  m_nextJump = nullptr;
  m_running = false;
  m_selection.clear();
  post([](TrainingWorker& worker, int runId, std::stop_token) { worker.reset(runId); });
}

bool Controller::asksForRestart(const Experiment& experiment, int move) {
  if (!m_session || !needsRestart(m_session->experiment, experiment)) return false;
  m_pendingEdit = experiment;
  m_pendingMove = move;
  emit restartNeeded(whatChanged(m_session->experiment, experiment));
  return true;
}

void Controller::adopt(const Experiment& experiment) {
  const bool resume = m_running;
  stop();
  m_experiment = experiment;
  post([experiment, edit = ++m_edit](TrainingWorker& worker, int runId, std::stop_token) {
    worker.apply(experiment, edit, runId);
  });
  if (resume) startRun(m_goal);
}

void Controller::remember(int move) {
  if (move < 0)
    m_changes.moveBack();
  else if (move > 0)
    m_changes.moveForward();
  else
    m_changes.add(m_experiment);
}

void Controller::change(const Experiment& experiment, int move) {
  if (asksForRestart(experiment, move)) return;
  adopt(experiment);
  remember(move);
  emit experimentChanged();
}

void Controller::edit(const Experiment& experiment) {
  if (!(experiment == m_experiment)) change(experiment, 0);
}

void Controller::undo() {
  if (m_changes.canUndo()) change(Experiment(m_changes.before()), -1);
}

void Controller::redo() {
  if (m_changes.canRedo()) change(Experiment(m_changes.after()), 1);
}

void Controller::restart() {
  m_openingFile = m_file;
  openExperiment(m_pendingEdit);
  m_restarting = true;
}

void Controller::discardPendingEdit() { emit experimentChanged(); }

void Controller::exportRun(const QString& folder, const Attachments& attachments) {
  if (!m_session) return;
  if (m_running) pause();
  post([folder, attachments](TrainingWorker& worker, int runId, std::stop_token) {
    worker.exportRun(folder, attachments, runId);
  });
}

}  // namespace clipscope
