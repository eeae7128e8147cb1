// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/session/run_session.h"
#include "tests/support/same_record.h"
#include "tests/support/small_experiment.h"

namespace clipscope::test {

/// Runs for the tests of a session: small ones with everything that a step may hand to the next,
/// and the records of each when it never looks back.

inline constexpr Index runSteps = 30;

using Change = std::function<void(Experiment&)>;

struct Setup {
  Experiment experiment;
  LoadedData data;
  std::map<Index, Change> changes;  ///< made when so many steps are done
};

inline Setup setup(const std::string& name) {
  const bool images = name.starts_with("images");
  Setup s{images ? imageExperiment() : smallExperiment(), images ? smallImages() : smallData(), {}};
  s.experiment.run.evaluateEvery = 3;
  if (name.ends_with("momentum")) {
    s.experiment.optimizer.momentum = 0.9;
    s.experiment.optimizer.nesterov = true;
    s.experiment.optimizer.weightDecay = 0.01;
  }
  if (name.ends_with("grouped median")) {
    s.experiment.clipping.grouping = GroupingKind::PerLayer;
    s.experiment.clipping.thresholds = ThresholdRule::Median;
    s.experiment.noise.allocation = NoiseAllocation::LeastPower;
    s.experiment.optimizer.momentum = 0.5;
  }
  if (name.ends_with("empty batches")) {
    s.experiment.sampling.expectedBatchSize = 1;
    s.experiment.clipping.thresholds = ThresholdRule::Median;
  }
  if (name.ends_with("automatic")) s.experiment.clipping.strategy = "auto_s";
  if (name.ends_with("changes")) {
    s.experiment.clipping.thresholds = ThresholdRule::Median;
    s.changes[0] = [](Experiment& e) { e.optimizer.momentum = 0.9; };
    s.changes[7] = [](Experiment& e) {
      e.clipping.grouping = GroupingKind::PerParameter;
      e.noise.noiseMultiplier = 0.7;
    };
    s.changes[11] = [](Experiment& e) {
      e.clipping.maxGradNorm = 0.3;
      e.optimizer.momentum = 0;
      e.sampling.expectedBatchSize = 31;
    };
    s.changes[19] = [](Experiment& e) {
      e.optimizer.momentum = 0.4;
      e.clipping.grouping = GroupingKind::Flat;
      e.run.evaluateEvery = 2;
      e.privacy.delta = 1e-4;
    };
  }
  return s;
}

/// Every phase of every step of a run that never looks back.
struct Straight {
  explicit Straight(Setup s, Index steps = runSteps) {
    Trainer trainer(s.experiment, s.data);
    Experiment experiment = s.experiment;
    parameters.push_back(trainer.parameters());
    for (Index step = 1; step <= steps; ++step) {
      if (const auto change = s.changes.find(step - 1); change != s.changes.end()) {
        change->second(experiment);
        trainer.apply(experiment);
      }
      for (const Phase phase : allPhases) records[{step, phase}] = trainer.advanceTo(phase);
      if (trainer.evaluationDue()) records[{step, Phase::Account}] = trainer.evaluate();
      parameters.push_back(trainer.parameters());
    }
  }

  std::map<std::pair<Index, Phase>, std::shared_ptr<const StepRecord>> records;
  std::vector<Parameters> parameters;  ///< after so many steps
};

/// The same run in a session, in whole steps.
inline void train(RunSession& session, const Setup& s, Index steps = runSteps) {
  Experiment experiment = s.experiment;
  for (Index step = 1; step <= steps; ++step) {
    if (const auto change = s.changes.find(step - 1); change != s.changes.end()) {
      change->second(experiment);
      session.apply(experiment);
    }
    session.finishStep();
    if (session.evaluationDue()) session.evaluate();
  }
}

inline std::string differenceFrom(const Straight& straight, const RunSession& session) {
  const StepRecord& record = *session.record();
  if (record.step == 0) return record.completed ? "a record before the first step" : "";
  return differenceOf(record, *straight.records.at({record.step, *record.completed}));
}

}  // namespace clipscope::test
