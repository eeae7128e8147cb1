// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>

#include "engine/session/checkpoint_ring.h"
#include "engine/session/run_news.h"
#include "engine/training/trainer.h"

namespace clipscope {

/// How much of a run's past is kept.
struct PastSettings {
  Index checkpointEvery = 4;            ///< k, steps
  Index byteBudget = Index{256} << 20;  ///< of all checkpoints together
  Index maxCheckpoints = 256;           ///< for models so small that bytes do not bound them
  Index drawsBudget = Index{64} << 20;  ///< bytes of the ExampleHistory
};

/// Where a session stands in what it knows.
struct RunPosition {
  Index step = 0;                   ///< of the record; 0 before the first step
  std::optional<Phase> phase;       ///< the last one done of that step
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
/// There is one past and one future. Going forward through the known future repeats it. A change of
/// settings waits for the next step that is advanced to: where that step is known already and had
/// other settings, it and everything after it is forgotten, and the run goes on from there. goTo()
/// never forgets anything, and leaves a waiting change waiting.
///
/// A cancelled call throws Cancelled within one block. A cancelled jump leaves the session where it
/// was, with the same record; a cancelled advance keeps the phases that were complete. Not
/// thread-safe, as the Trainer.
class RunSession {
 public:
  /// Throws SettingError, SpecError.
  RunSession(Experiment experiment, LoadedData data, PastSettings past = {});

  /// As Trainer::advanceTo: the next phase or step from here, known or new.
  std::shared_ptr<const StepRecord> advanceTo(Phase target, std::stop_token stop = {});
  std::shared_ptr<const StepRecord> finishStep(std::stop_token stop = {}) {
    return advanceTo(Phase::Account, stop);
  }

  /// To the end of `phase` of step 1 ≤ `step` ≤ position().knownSteps; step 0 is the state before
  /// the first, whatever the phase. Throws SettingError for a step that was never begun.
  std::shared_ptr<const StepRecord> goTo(Index step, Phase phase, std::stop_token stop = {});
  /// To the end of the step before; nowhere from step 0.
  std::shared_ptr<const StepRecord> stepBack(std::stop_token stop = {});
  /// To the phase before: from Sample to the end of the step before.
  std::shared_ptr<const StepRecord> phaseBack(std::stop_token stop = {});

  /// Test loss and accuracy at the current parameters; remembered when the step is complete.
  std::shared_ptr<const StepRecord> evaluate(std::stop_token stop = {});
  /// True when the settings ask for an evaluation here and none is remembered.
  bool evaluationDue() const;

  const std::shared_ptr<const StepRecord>& record() const { return m_record; }
  RunPosition position() const;
  /// Steps completed where the session stands.
  Index stepsDone() const;
  /// Looks back into the batch of the record; null before Sample.
  std::shared_ptr<const BatchProbe> probe();

  /// The settings of the next step advanced to: the change that waits, or those known for it.
  const Experiment& experiment() const { return m_pending ? *m_pending : *settingsOf(nextStep()); }
  /// New settings, see above. Throws as Trainer::apply; nothing changes then.
  void apply(const Experiment& experiment);
  /// Back to the initial weights and step 0 with experiment(); the whole past is forgotten.
  void reset();

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

  Index nextStep() const { return stepsDone() + (isUnderWay(*m_record) ? 2 : 1); }
  static bool isUnderWay(const StepRecord& record) {
    return record.completed && *record.completed != Phase::Account;
  }
  const Settings& settingsOf(Index step) const {
    return std::prev(m_log.upper_bound(step))->second;
  }
  void use(const Settings& settings);
  /// Before the Trainer samples its next step: settings and checkpoints.
  void beginStep();
  void replay(Index step, Phase phase, std::stop_token stop);
  void keepNear(Index target);
  std::shared_ptr<const TrainerCheckpoint> nearest(Index done) const;
  /// Brings the Trainer to where the record is, after a jump that was cancelled.
  void settle(std::stop_token stop);
  /// Takes the Trainer's record for the session's, and what it adds to the known.
  void arrive();
  /// Forgets step `step` and all after it.
  void forgetFrom(Index step);

  PastSettings m_past;
  Trainer m_trainer;
  CheckpointRing m_ring;
  /// Of the last steps before where the last jump led, so that walking back from there is quick.
  std::vector<std::shared_ptr<const TrainerCheckpoint>> m_near;
  std::map<Index, Settings> m_log;  ///< settings by the first step that had them
  Settings m_pending;               ///< a change that waits for the next step; may be null
  Settings m_inTrainer;             ///< what the Trainer has for its next step; null: unknown
  std::shared_ptr<const StepRecord> m_record;
  bool m_settled = true;  ///< the Trainer stands where the record is
  Index m_known = 0;
  std::optional<Phase> m_knownPhase;
  Index m_summarised = 0;  ///< steps whose summaries were made
  std::map<Index, std::shared_ptr<const EvaluationPart>> m_evaluations;
  ExampleHistory m_draws;
  RunNews m_news;  ///< without draws
};

}  // namespace clipscope
