// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>

#include "engine/training/batch_probe.h"
#include "engine/training/experiment.h"
#include "engine/training/norm_refresh.h"
#include "engine/training/phase.h"
#include "engine/training/step_record.h"
#include "engine/training/trainer_checkpoint.h"

namespace clipscope {

/// The model of an experiment for a data set, with its loss checked against the targets. Throws
/// SpecError.
std::shared_ptr<const Model> makeModel(const Experiment& experiment, const Dataset& data);

/// Drives training: the window's buttons, the headless run and the tests all call this and nothing
/// else. Not thread-safe: one thread owns it. What it hands out (records, probes) is immutable and
/// may go to any thread.
class Trainer {
 public:
  /// Validates, builds the model, draws the initial weights. Throws SettingError, SpecError.
  Trainer(Experiment experiment, LoadedData data);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Runs the phases up to and including `target`: of the step under way, or of the next step when
  /// the current one is complete or already past the target. Equal bits whichever way a step is cut
  /// into calls. When a stop is requested it throws Cancelled within one block; phases that were
  /// complete by then stay complete, and the next call goes on from there with the same bits.
  std::shared_ptr<const StepRecord> advanceTo(Phase target, std::stop_token stop = {});
  /// Completes the step under way, or does the next one whole.
  std::shared_ptr<const StepRecord> finishStep(std::stop_token stop = {}) {
    return advanceTo(Phase::Account, stop);
  }

  /// Test loss and accuracy at the current parameters; also attached to the record when its step is
  /// complete. Throws Cancelled on request.
  std::shared_ptr<const StepRecord> evaluate(std::stop_token stop = {});
  /// Attaches an evaluation made before of the very same parameters, instead of repeating it: to a
  /// record whose step is complete.
  void attachEvaluation(std::shared_ptr<const EvaluationPart> evaluation);
  /// True when the experiment asks for an evaluation after the step just completed.
  bool evaluationDue() const;

  /// The norms of all training examples at the weights and thresholds of the step under way or just
  /// done, which must have clipped (else SettingError). Changes nothing; takes as long as the
  /// batches of an epoch, without their sums. Throws Cancelled on request.
  std::shared_ptr<const NormRefresh> refreshNorms(std::stop_token stop = {}) const;

  /// The newest record; before the first phase an empty one with `info` set.
  std::shared_ptr<const StepRecord> record() const;
  /// Steps completed.
  Index stepsDone() const;

  /// Looks back into the batch of the step under way or just done; null before Sample.
  std::shared_ptr<const BatchProbe> probe() const;

  const Experiment& experiment() const;
  /// New settings for a run that goes on: they hold from the next step (from this one when it has
  /// not been sampled). Throws SettingError for bad values and when needsRestart(); nothing changes
  /// then.
  void apply(const Experiment& experiment);
  /// Back to the initial weights and step 0, with the current experiment.
  void reset();

  /// Everything that later steps depend on. Only between steps.
  std::shared_ptr<const TrainerCheckpoint> checkpoint() const;
  /// Goes back (or forward) to a checkpoint of this Trainer: the steps after it come with the same
  /// bits, under the settings that held at it until apply() says otherwise. There is no record of
  /// the step before it: record() is empty until the next phase.
  void restore(const TrainerCheckpoint& checkpoint);
  /// A checkpoint of a run of the same model and data, as a file had it. Throws FileError where it
  /// does not fit this Trainer.
  std::shared_ptr<const TrainerCheckpoint> checkpointFrom(SavedCheckpoint saved) const;

  const Model& model() const;
  std::shared_ptr<const Model> sharedModel() const;
  const LoadedData& data() const;
  const Parameters& parameters() const;
  /// Replaces the parameters (by a reference file, a checkpoint). Only between steps.
  void setParameters(const Parameters& parameters);

 private:
  struct State;
  std::unique_ptr<State> m_state;
};

}  // namespace clipscope
