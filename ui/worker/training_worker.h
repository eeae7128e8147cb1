// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>

#include "engine/session/breakpoints.h"
#include "engine/session/lane_set.h"
#include "engine/session/recording_view.h"
#include "engine/session/run_session.h"
#include "engine/training/what_if/batch_gram.h"
#include "ui/attachments.h"

namespace clipscope {

struct ExampleView;

/// What the window needs to know of a run besides its records; immutable.
struct Session {
  Experiment experiment;
  std::shared_ptr<const Dataset> data;  ///< null where a recording is looked at without its data
  std::shared_ptr<const Model> model;
  Index trainExamples = 0, testExamples = 0;
  std::vector<Index> test;  ///< the examples held out
  /// Why the run can only be looked at; empty for one that goes on.
  QString readOnlyBecause;
  /// A run of another library that was recorded there; null for one of this program.
  std::shared_ptr<const LibraryRun> library;
};

/// The file that gets every step of a run, or that it is read from.
struct RecordingState {
  std::filesystem::path path;   ///< empty: nothing is recorded
  bool isNamed = false;         ///< by the user; others are kept for recovery
  bool hasFailed = false;       ///< it could not be written at the last try
  bool isBeingWritten = false;  ///< by another process
  Index savedStep = 0;          ///< every step of the branch up to this one is in it
};

/// Where the run stands in its past and what became known of it: comes before each record.
struct PastUpdate {
  RunPosition position;
  RunNews news;
  RecordingState recording;
  Experiment experiment;         ///< of the next step from here
  int edit = 0;                  ///< the last edit that the worker has seen
  std::vector<Index> breakHits;  ///< of each breakpoint, so far
  /// Of all lanes beside the run, where there was any; else null.
  std::shared_ptr<const std::vector<LaneNews>> lanes;
};

/// When a run pauses by itself; what is not set never stops it.
struct RunGoal {
  std::optional<Index> step;      ///< once this step is done
  std::optional<double> epsilon;  ///< at the first step whose ε is at least this
  std::optional<double> loss;     ///< at the first step whose batch loss is below this

  bool isMetBy(const StepRecord& record) const;
};

/// Owns the run with its past and lives on the one thread that enters its parallel regions. The
/// window calls the slots as queued calls and gets results as queued signals. Every command carries
/// a stop token, which the window may pull at any time, and the number of the run it is for:
/// results of an older run are dropped by the receiver.
///
/// While running, at most one record is under way to the window, which says with recordShown() that
/// it drew one, and how long that took. Records come no faster than a person can see them, and
/// slower where drawing takes long: the window then costs training about a sixth of its time.
class TrainingWorker : public QObject {
  Q_OBJECT

 public:
  using QObject::QObject;
  /// Closes the recording of the run.
  ~TrainingWorker() override;

  /// Loads the data, builds the model; on failure the previous run stays.
  void open(const Experiment& experiment, int runId, std::stop_token stop);
  /// Opens a recording: to go on with it where that is possible, else to look at it.
  void openRecording(const QString& path, int runId, std::stop_token stop);
  /// Where the runs that nobody named are recorded; empty: nowhere. Before the first open().
  void setRecoveryFolder(const QString& folder) { m_recovery = folder.toStdString(); }
  void advanceTo(Phase phase, int runId, std::stop_token stop);
  /// Steps until it is stopped or the goal is met, no faster than setSpeed() says.
  void run(const RunGoal& goal, int runId, std::stop_token stop);
  /// To a step and phase that the branch has been at.
  void goTo(Index step, Phase phase, int runId, std::stop_token stop);
  /// To a whole step of any branch.
  void goToBranch(int branch, Index step, int runId, std::stop_token stop);
  void renameBranch(int branch, const QString& name, int runId);
  void pruneBranch(int branch, int runId);
  /// Gives the recording a place and a name.
  void saveRecordingAs(const QString& path, int runId);
  /// Goes on without a recording that cannot be written.
  void giveUpRecording(int runId);
  /// Says how far the recording has come: of one that is looked at, with what another process
  /// wrote since. Not a command.
  void follow(int runId);
  /// The list that stops runs and steps; hits are counted on where a condition is as it was.
  void setBreakpoints(std::vector<Breakpoint> list, int runId);
  /// Lanes beside the run, which then go wherever it goes. `adds` all or, where one fails, those
  /// before it.
  void addLanes(const std::vector<LaneSettings>& adds, int runId, std::stop_token stop);
  void removeLane(int id, int runId);
  void clearLanes(int runId);
  void stepBack(int runId, std::stop_token stop);
  void phaseBack(int runId, std::stop_token stop);
  /// `edit`: a number that rises with every edit.
  void apply(const Experiment& experiment, int edit, int runId);
  void reset(int runId);
  /// Writes the current step, finished, as a run folder.
  void exportRun(const QString& folder, const Attachments& attachments, int runId);
  /// Forms one example's gradient and output at the parameters of the step that is shown.
  void lookAt(Index example, int runId, std::stop_token stop);

  /// Called from the window's thread. Steps a second while running; 0: as fast as it can.
  void setSpeed(double stepsPerSecond) {
    m_stepsPerSecond.store(stepsPerSecond, std::memory_order_relaxed);
  }
  /// The Gram matrices of the batch shown, for what-if. Not a command: nothing waits for it, it
  /// does not report finished(), and any command stops it by its own token. Says nothing when
  /// stopped.
  void buildGram(int runId, std::stop_token stop);

  /// Called from the window's thread.
  void recordShown(double seconds) {
    m_drawingSeconds.store(seconds, std::memory_order_relaxed);
    m_recordUnderWay.store(false, std::memory_order_release);
  }

 signals:
  void opened(int runId, std::shared_ptr<const Session> session);
  /// Comes before every recordReady().
  void pastReady(int runId, std::shared_ptr<const PastUpdate> update);
  void recordReady(int runId, std::shared_ptr<const StepRecord> record);
  /// A command is over, whether done, stopped or failed.
  void finished(int runId);
  void failed(int runId, const QString& message);
  void noted(int runId, const QString& message);
  /// A breakpoint has stopped the run or the step.
  void broke(int runId, const clipscope::BreakHit& hit);
  void exported(int runId, const QString& folder);
  void recordingSaved(int runId, const QString& path);
  void recordingReported(int runId, const clipscope::RecordingState& state);
  /// The recording cannot be written; the run has stopped after a step that is not in it yet.
  void recordingFailed(int runId, const QString& message);
  void exampleViewed(int runId, std::shared_ptr<const ExampleView> view);
  /// The matrices of the batch with these norms; null where they could not be built or were
  /// stopped.
  void gramReady(int runId, std::shared_ptr<const NormsPart> norms,
                 std::shared_ptr<const BatchGram> gram);

 private:
  /// False where the record was held back.
  bool send(int runId, bool always);
  /// Waits until the next step of a run is due; sends a record held back meanwhile.
  void keepPace(std::chrono::steady_clock::time_point started, bool sent, int runId,
                const std::stop_token& stop);
  /// Makes these the run; the one before is closed.
  void take(std::unique_ptr<RunSession> session, std::unique_ptr<RecordingView> view, bool isNamed);
  /// Records the session for recovery; says why where that cannot be.
  void startRecovery(int runId);
  void leaveRun();
  std::shared_ptr<Session> describe() const;
  std::shared_ptr<Session> describeView(const LoadedData* data, const QString& why) const;
  RecordingState recordingState() const;
  /// Looks back into the batch shown. A step shown as it was recorded is replayed for it, and
  /// shown as it comes out.
  std::shared_ptr<const BatchProbe> probeShown(int runId, std::stop_token stop);
  /// Brings the lanes to where the run is.
  /// `progress`: of the run that hears how far lanes have come that catch up; 0 for none.
  void followWithLanes(std::stop_token stop, int progress = 0);
  /// Removes lanes that the run's settings have nothing in common with any more, and says so.
  void dropUnlikeLanes(int runId);
  /// True where the run can only be looked at: says so.
  bool refuses(int runId);
  template <class Body>
  void guarded(int runId, Body&& body);

  std::unique_ptr<RunSession> m_session;
  std::unique_ptr<RecordingView> m_view;  ///< in place of a session
  Breakpoints m_breakpoints;
  LaneSet m_lanes;
  bool m_hadLanes = false;  ///< the window has been told of some
  QString m_readOnlyBecause;
  bool m_viewUnsent = false;  ///< the window has not seen what was read last
  std::filesystem::path m_recovery;
  bool m_isNamed = false;
  bool m_recordingFailed = false;
  int m_edit = 0;
  std::atomic<double> m_stepsPerSecond{0};
  std::atomic<bool> m_recordUnderWay{false};
  std::atomic<double> m_drawingSeconds{0};
  std::chrono::steady_clock::time_point m_lastSent;
};

}  // namespace clipscope
