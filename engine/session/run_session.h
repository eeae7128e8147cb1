// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>

#include "engine/session/branch_lines.h"
#include "engine/session/checkpoint_ring.h"
#include "engine/session/left_draws.h"
#include "engine/session/refreshed_norms.h"
#include "engine/session/run_news.h"
#include "engine/session/session_recorder.h"
#include "engine/training/trainer.h"

namespace clipscope {

/// How much of a run's past is kept.
struct PastSettings {
  Index checkpointEvery = 4;            ///< k, steps
  Index byteBudget = Index{256} << 20;  ///< of all checkpoints together
  Index maxCheckpoints = 256;           ///< for models so small that bytes do not bound them
  Index drawsBudget = Index{64} << 20;  ///< bytes of the ExampleHistory, and of refreshed norms
};

/// Where a session stands in what it knows.
struct RunPosition {
  Index step = 0;              ///< of the record; 0 before the first step
  std::optional<Phase> phase;  ///< the last one done of that step
  int branch = 0;
  Index knownSteps = 0;             ///< the newest step begun: goTo() reaches 0 … knownSteps
  std::optional<Phase> knownPhase;  ///< the last phase done of it
  Index checkpoints = 0;
  Index checkpointBytes = 0;

  bool isPast() const { return step < knownSteps || phase < knownPhase; }
  bool canStepBack() const { return step > 0; }
};

/// A run with its past: owns a Trainer, and can go to any phase of any step that it has been at.
/// It restores the nearest checkpoint and replays from there, each step under the settings that it
/// had, and every part of a record comes with the same bits (times are measured anew). Evaluations
/// are remembered, not repeated.
///
/// The past is a tree of branches, and the session is on one of them. Going forward through known
/// steps repeats them. A change of settings waits for the next step that is advanced to: where that
/// step is known already and had other settings, a branch begins with it, and what was known stays
/// on the branch that was left. goTo() leaves a waiting change waiting.
///
/// With a recording (record(), resume()) every step, setting, branch and evaluation goes into a
/// file as it happens, and checkpoints at growing spacing. Where the file cannot be written the
/// call that completed the step throws FileError, with the step done and kept; no further step
/// begins until the file can be written again, was moved, or was given up.
///
/// A secure run (Experiment::RunSettings::secureMode) cannot be repeated: its keys are gone. Its
/// past is looked at as it was recorded, whole steps only, without the tables of examples, which
/// would tell who was drawn. Going forward from there walks through what was recorded up to the
/// newest step, and goes on from it; nothing branches. What would have to be repeated throws
/// SettingError with the reason.
///
/// A cancelled call throws Cancelled within one block. A cancelled jump leaves the session where it
/// was, with the same record; a cancelled advance keeps the phases that were complete. Not
/// thread-safe, as the Trainer.
class RunSession {
 public:
  /// Throws SettingError, SpecError.
  RunSession(Experiment experiment, LoadedData data, PastSettings past = {});
  /// A recorded run, at its newest step. `experiment`: as its first step had it, but for where the
  /// data lies (`experiment.data`), which holds for the whole run. Throws FileError where the data
  /// are not those of the run, or the recording does not fit its own model.
  RunSession(const RecordingReader& recording, DataSettings where, LoadedData data,
             PastSettings past = {});

  /// As Trainer::advanceTo: the next phase or step from here, known or new.
  std::shared_ptr<const StepRecord> advanceTo(Phase target, std::stop_token stop = {});
  std::shared_ptr<const StepRecord> finishStep(std::stop_token stop = {}) {
    return advanceTo(Phase::Account, stop);
  }

  /// To the end of `phase` of step 1 ≤ `step` ≤ position().knownSteps; step 0 is the state before
  /// the first, whatever the phase. Throws SettingError for a step that was never begun.
  std::shared_ptr<const StepRecord> goTo(Index step, Phase phase, std::stop_token stop = {});
  /// The same on any branch, which the session is on from then.
  std::shared_ptr<const StepRecord> goTo(int branch, Index step, Phase phase,
                                         std::stop_token stop = {});
  /// Shows a whole known step as it was recorded, at once and in the precision of the file; the
  /// Trainer follows when it is needed. Without a recording, as goTo().
  std::shared_ptr<const StepRecord> show(int branch, Index step, std::stop_token stop = {});
  /// Steps that goTo(step) would have to replay, as far as memory and recording know.
  Index replayLength(Index step) const;
  /// To the end of the step before; nowhere from step 0.
  std::shared_ptr<const StepRecord> stepBack(std::stop_token stop = {});
  /// To the phase before: from Sample to the end of the step before.
  std::shared_ptr<const StepRecord> phaseBack(std::stop_token stop = {});

  /// Test loss and accuracy at the current parameters; remembered when the step is complete.
  std::shared_ptr<const StepRecord> evaluate(std::stop_token stop = {});
  /// True when the settings ask for an evaluation here and none is remembered.
  bool evaluationDue() const;
  /// The norms of all training examples at the step just done; remembered.
  void refreshNorms(std::stop_token stop = {});
  /// True when the settings ask for that here and it was not done.
  bool refreshDue() const;
  /// Both, where they are due.
  void doWhatIsDue(std::stop_token stop = {});

  /// The run cannot be repeated.
  bool isSecure() const { return m_trainer.experiment().run.secureMode; }

  const std::shared_ptr<const StepRecord>& record() const { return m_record; }
  RunPosition position() const;
  /// Steps completed where the session stands.
  Index stepsDone() const;
  /// Looks back into the batch of the record; null before Sample.
  std::shared_ptr<const BatchProbe> probe(std::stop_token stop = {});

  /// The settings of the next step advanced to: the change that waits, or those known for it.
  const Experiment& experiment() const { return m_pending ? *m_pending : *settingsOf(nextStep()); }
  /// New settings, see above. Throws as Trainer::apply; nothing changes then.
  void apply(const Experiment& experiment);
  /// Back to the initial weights and step 0 with experiment(); the whole past is forgotten. A
  /// recording is closed before, and the new run has none.
  void reset();

  /// The branches of the run, and the one that the session is on.
  const BranchTree& tree() const { return m_tree; }
  int branch() const { return m_branch; }
  void renameBranch(int branch, std::string name);
  /// Forgets a branch and those that left it. Throws SettingError for the root, and for one that
  /// the session's own comes from.
  void pruneBranch(int branch);

  /// Records from now on: before the first step only.
  void record(std::unique_ptr<RecordingWriter> writer, Index checkpointBudget = defaultBudget);
  /// Goes on with the recording that the session was made from.
  void resume(std::unique_ptr<RecordingWriter> writer, const RecordingReader& recording,
              Index checkpointBudget = defaultBudget);
  /// Null where nothing is recorded.
  const RecordingWriter* recording() const { return m_recorder ? &m_recorder->writer() : nullptr; }
  /// Throws RecordingFailed where the file could not be written, and cannot now.
  void checkRecording() {
    if (m_recorder) m_recorder->check();
  }
  /// The newest step of the branch that is in the file.
  Index savedThrough() const { return m_recorder ? m_recorder->savedThrough() : 0; }
  /// Waits until everything is in the file.
  void flushRecording();
  /// Gives the recording another place, with all that it has; see RecordingWriter::moveTo.
  void moveRecording(std::filesystem::path path, bool keepOld = false);
  /// Adds a checkpoint of where the run is and makes the recording one file; nothing is recorded
  /// from then on.
  void closeRecording();
  /// The same, and the file is removed.
  void discardRecording();
  /// Goes on without the recording, which cannot be written: what it has stays.
  void giveUpRecording();

  /// What became known since the last call. Summaries of whole steps only.
  RunNews takeNews();

  /// The model, the data and the settings; where it stands is the session's to say.
  const Trainer& trainer() const { return m_trainer; }
  const Model& model() const { return m_trainer.model(); }
  std::shared_ptr<const Model> sharedModel() const { return m_trainer.sharedModel(); }
  const LoadedData& data() const { return m_trainer.data(); }
  const CheckpointRing& checkpoints() const { return m_ring; }

 private:
  using Settings = std::shared_ptr<const Experiment>;
  static constexpr Index defaultBudget = SessionRecorder::defaultBudget;

  Index nextStep() const { return stepsDone() + (isUnderWay(*m_record) ? 2 : 1); }
  static bool isUnderWay(const StepRecord& record) {
    return record.completed && *record.completed != Phase::Account;
  }
  const Settings& settingsOf(Index step) const { return m_tree.settingsOf(m_branch, step); }
  /// Whole steps of the branch.
  Index wholeSteps() const { return m_tree.at(m_branch).steps; }
  StepSummary& summary(Index step);
  void use(const Settings& settings);
  /// Takes on the change that waits, for the next step: on this branch or on a new one.
  void adoptPending();
  /// Before the Trainer samples its next step: settings and checkpoints.
  void beginStep();
  void replay(Index step, Phase phase, std::stop_token stop);
  /// What goTo() is in a secure run: the newest, or what was recorded.
  std::shared_ptr<const StepRecord> goToRecorded(Index step, Phase phase);
  /// The whole step of this branch as it was recorded.
  void showRecorded(int branch, Index step);
  void keepNear(Index target);
  /// The nearest in memory; and in the recording as well.
  std::shared_ptr<const TrainerCheckpoint> nearest(Index done) const;
  std::shared_ptr<const TrainerCheckpoint> nearestAnywhere(Index done);
  /// Brings the Trainer to where the record is, after a jump that was cancelled.
  void settle(std::stop_token stop);
  /// Takes the Trainer's record for the session's, and what it adds to the known.
  void arrive();
  /// Forgets the phases of a step that was not completed.
  void forgetUnderWay();
  /// Makes `to` the branch, wherever the Trainer is.
  void switchTo(int to);

  PastSettings m_past;
  Trainer m_trainer;
  BranchTree m_tree;
  int m_branch = 0;
  CheckpointRing m_ring;  ///< of the branch
  /// Of the last steps before where the last jump led, so that walking back from there is quick.
  std::vector<std::shared_ptr<const TrainerCheckpoint>> m_near;
  /// The newest checkpoint that a branch had when it was left.
  std::map<int, std::shared_ptr<const TrainerCheckpoint>> m_tips;
  std::unique_ptr<SessionRecorder> m_recorder;
  Settings m_pending;    ///< a change that waits for the next step; may be null
  Settings m_inTrainer;  ///< what the Trainer has for its next step; null: unknown
  std::shared_ptr<const StepRecord> m_record;
  bool m_settled = true;  ///< the Trainer stands where the record is
  bool m_astray = false;  ///< the Trainer stands on a step that the branch does not have
  Index m_known = 0;
  std::optional<Phase> m_knownPhase;
  OwnSummaries m_summaries;
  /// By the owner of the step, and the step.
  std::map<std::pair<int, Index>, std::shared_ptr<const EvaluationPart>> m_evaluations;
  RefreshedNorms m_refreshed;
  ExampleHistory m_draws;  ///< of the branch
  LeftDraws m_leftDraws;

  // News: steps up to m_newsKeep are known to whoever asks for it.
  Index m_newsKeep = 0;
  std::vector<std::pair<Index, EvaluationPart>> m_newEvaluations;
  std::vector<std::shared_ptr<const NormRefresh>> m_newRefreshes;
  bool m_branchesChanged = true;
};

}  // namespace clipscope
