// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QThread>
#include <QTimer>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "ui/selection.h"
#include "ui/what_if_state.h"
#include "ui/window/experiment_history.h"
#include "ui/worker/training_worker.h"

namespace clipscope {

/// What the window does, without its widgets: it holds the experiment being edited, the selection,
/// and the worker on its thread; buttons, menus and tests call it. Every call returns at once.
class Controller : public QObject {
  Q_OBJECT

 public:
  explicit Controller(QObject* parent = nullptr);
  ~Controller() override;

  Selection* selection() { return &m_selection; }
  WhatIfState* whatIf() { return &m_whatIf; }
  const Experiment& experiment() const { return m_experiment; }
  const std::shared_ptr<const Session>& session() const { return m_session; }
  const std::shared_ptr<const StepRecord>& record() const { return m_record; }
  bool isRunning() const { return m_running; }
  bool isBusy() const { return m_pending > 0; }
  /// At a pause: the batch's Gram matrices are being built. Any command stops that.
  bool isPreparing() const { return m_preparing > 0; }
  bool isLoading() const { return m_loading; }
  /// True while a way back is replayed that takes long enough to be noticed.
  bool isReplaying() const { return m_replaying; }
  /// Where the record shown stands in what is known of the run.
  const RunPosition& position() const { return m_position; }
  bool canStepBack() const { return m_position.canStepBack(); }
  /// Every step of the run, and what became of every example drawn.
  const RunHistory& history() const { return m_history; }
  const ExampleHistory& exampleHistory() const { return m_exampleHistory; }
  /// Where the experiment was read from or saved to; empty for none.
  const std::filesystem::path& file() const { return m_file; }
  /// The file that gets every step, or that the run is read from.
  const RecordingState& recording() const { return m_recording; }
  /// The run can only be looked at; session()->readOnlyBecause says why.
  bool isReadOnly() const { return m_session && !m_session->readOnlyBecause.isEmpty(); }
  /// The branches of the run, ascending; one or more.
  const std::shared_ptr<const std::vector<BranchLine>>& branches() const { return m_branches; }
  /// Where runs stop, with the hits so far.
  const std::vector<Breakpoint>& breakpoints() const { return m_breakpoints; }
  /// The lanes beside the run, in the order in which they were added.
  const std::vector<LaneView>& lanes() const { return m_lanes; }
  /// The lanes that there are and were, for the ledger.
  std::vector<BranchLine> laneUses() const;
  /// The changes of settings that undo() and redo() would make.
  const ExperimentHistory& changes() const { return m_changes; }

 public slots:
  /// Opens an experiment (.json), a data set or a folder: menu, argument and drop all come here.
  void openPath(const QString& path);
  void openExperiment(const clipscope::Experiment& experiment);
  /// The first thing of a start: a path, or nothing. Where it cannot be opened the default
  /// experiment comes instead, so that there is something behind the message.
  void openFirst(const QString& path);
  void saveTo(const QString& path);
  // Recordings and branches (controller_recording.cpp).
  /// Where runs that nobody named are recorded, so that none is lost. Before the first opening.
  void setRecoveryFolder(const QString& folder);
  void openRecording(const QString& path);
  void saveRecordingAs(const QString& path);
  /// Goes on without the recording that cannot be written.
  void giveUpRecording();
  /// To the newest step of a branch, or to any.
  void goToBranch(int branch);
  void goToBranch(int branch, clipscope::Index step);
  void renameBranch(int branch, const QString& name);
  void pruneBranch(int branch);
  // Lanes and breakpoints (controller_lanes.cpp).
  void setBreakpoints(const std::vector<clipscope::Breakpoint>& list);
  void addLanes(const std::vector<clipscope::LaneSettings>& lanes);
  void removeLane(int id);
  void clearLanes();
  /// The lane's settings become the run's, from the next step on.
  void useLane(int id);
  void runOrPause();
  void pause();
  void step();
  void nextPhase();
  void advanceTo(clipscope::Phase phase);
  void reset();
  // Through the past (controller_past.cpp). Jumps that come faster than they can be made are left
  // out: the newest wins.
  /// To the end of the step before; to the phase before.
  void stepBack();
  void phaseBack();
  /// To a phase of a known step.
  void goTo(clipscope::Index step, clipscope::Phase phase);
  /// To a known step, at the phase shown now.
  void goToStep(clipscope::Index step);
  /// The steps beside, at the phase shown now; not beyond what is known.
  void previousStep() { goToStep(m_position.step - 1); }
  void nextKnownStep() { goToStep(m_position.step + 1); }
  /// To a phase of the step shown: back to an earlier one, on to a later one.
  void toPhase(clipscope::Phase phase);
  /// Runs until the goal is met; a step that is known already is gone to.
  void runTo(const clipscope::RunGoal& goal);
  /// Steps a second while running; 0: as fast as it can.
  void setSpeed(double stepsPerSecond);
  /// Settings from the dock. Those that a run can take on hold from the next step; for others
  /// restartNeeded() is emitted and nothing changes until restart().
  void edit(const clipscope::Experiment& experiment);
  void restart();
  void discardPendingEdit();
  /// The settings as they were before the last change, or after the one undone. Like any change
  /// they hold from the next step on; no step is taken back.
  void undo();
  void redo();
  /// Writes the current step, finished, as a run folder, with files of the caller's making.
  void exportRun(const QString& folder, const clipscope::Attachments& attachments = {});
  /// Asks for a close look at an example of the batch; exampleViewed() answers, unless another
  /// command comes first or the example is not in the batch.
  void lookAt(clipscope::Index example);

 signals:
  void sessionChanged();
  void recordChanged();
  /// history() or exampleHistory() changed; comes before the recordChanged() of the same step.
  void historyChanged();
  /// branches() changed, or the branch that the run is on.
  void branchesChanged();
  void recordingChanged();
  void breakpointsChanged();
  /// A breakpoint has stopped the run or the step.
  void broke(const clipscope::BreakHit& hit);
  /// Lanes came, went or moved.
  void lanesChanged();
  /// The recording cannot be written, and the run has stopped for it.
  void recordingFailed(const QString& text);
  void experimentChanged();
  void stateChanged();
  void restartNeeded(const QString& what);
  void message(const QString& text, bool isError);
  void exampleViewed(std::shared_ptr<const ExampleView> view);

 private:
  template <class Command>
  void post(Command&& command);
  /// The same for a run under way, which goes on after it.
  template <class Command>
  void postInBetween(Command&& command);
  void openDefault();
  void adopt(const Experiment& experiment);
  void change(const Experiment& experiment, int move);
  void remember(int move);
  bool asksForRestart(const Experiment& experiment, int move);
  void startRun(const RunGoal& goal);
  void takePast(const PastUpdate& update);
  void jump(std::function<void(TrainingWorker&, int, std::stop_token)> command);
  void finishJump();
  void connectWhatIf();
  void connectLanes();
  void takeLanes(const PastUpdate& update);
  void connectRecording();
  void takeRecording(const PastUpdate& update);
  /// Every whole step of the branch is in the file.
  bool isAllSaved() const;
  void prepareWhatIf();
  void stop() { m_stop.request_stop(); }

  Selection m_selection;
  WhatIfState m_whatIf;
  QThread m_thread;
  TrainingWorker* m_worker;
  std::stop_source m_stop;
  std::stop_source m_lookStop;  ///< of the look under way, which any other command ends
  std::stop_source m_gramStop;  ///< of the Gram matrices being built, which any command ends
  Experiment m_experiment;
  Experiment m_pendingEdit;
  int m_pendingMove = 0;  ///< in the history: 0 a new change, −1 an undo, 1 a redo
  bool m_restarting = false;
  ExperimentHistory m_changes;
  std::filesystem::path m_file, m_openingFile;
  std::shared_ptr<const Session> m_session;
  std::shared_ptr<const StepRecord> m_record;
  RunPosition m_position;
  RunHistory m_history;
  ExampleHistory m_exampleHistory;
  RecordingState m_recording;
  std::vector<Breakpoint> m_breakpoints;
  std::vector<LaneView> m_lanes;
  std::vector<BranchLine> m_formerLanes;  ///< removed since the run was opened
  std::shared_ptr<const std::vector<BranchLine>> m_branches =
      std::make_shared<const std::vector<BranchLine>>();
  QTimer* m_follow = nullptr;  ///< looks for what another process wrote
  int m_edit = 0;  ///< edits so far: what the worker says of older settings is out of date
  /// Jumps: one under way, and the newest of those asked for meanwhile.
  std::function<void(TrainingWorker&, int, std::stop_token)> m_nextJump;
  QElapsedTimer m_jumpTime;
  RunGoal m_goal;  ///< of the run under way
  bool m_jumping = false;
  bool m_replaying = false;
  int m_runId = 0;   ///< of the session shown; results with a lower one are dropped
  int m_lastId = 0;  ///< of the last opening asked for
  int m_pending = 0;
  int m_preparing = 0;
  bool m_running = false;
  bool m_loading = false;
  bool m_fallBack = false;  ///< the opening under way is the first; the default stands in for it
};

template <class Command>
void Controller::post(Command&& command) {
  ++m_pending;
  m_lookStop.request_stop();
  m_gramStop.request_stop();
  m_stop = std::stop_source();
  QMetaObject::invokeMethod(
      m_worker,
      [worker = m_worker, runId = m_lastId, token = m_stop.get_token(),
       command = std::forward<Command>(command)] { command(*worker, runId, token); },
      Qt::QueuedConnection);
  emit stateChanged();
}

template <class Command>
void Controller::postInBetween(Command&& command) {
  const bool resume = m_running;
  stop();
  post(std::forward<Command>(command));
  if (resume) startRun(m_goal);
}

}  // namespace clipscope
