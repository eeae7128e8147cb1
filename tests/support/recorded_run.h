// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/recording/recording_writer.h"
#include "engine/training/trainer.h"

namespace clipscope::test {

inline const std::map<std::string, std::string> recordedMeta{{"program", "test"},
                                                             {"data_name", "digits"}};

/// A run that takes a millisecond a step, with several groups and now and then an evaluation.
inline Experiment recordedExperiment() {
  Experiment e;
  e.data.digits.count = 200;
  e.model.preset = "logistic";
  e.sampling.expectedBatchSize = 12;
  e.clipping.grouping = GroupingKind::PerParameter;
  e.run.evaluateEvery = 3;
  e.run.threads = 1;
  return e;
}

/// The next step of a trainer as a run has it: with its evaluation where one is due.
inline std::shared_ptr<const StepRecord> nextStep(Trainer& trainer) {
  auto record = trainer.finishStep();
  return trainer.evaluationDue() ? trainer.evaluate() : record;
}

inline std::vector<std::shared_ptr<const StepRecord>> steps(Trainer& trainer, int count) {
  std::vector<std::shared_ptr<const StepRecord>> records;
  for (int k = 0; k < count; ++k) records.push_back(nextStep(trainer));
  return records;
}

inline const RunInfo& infoOf(const Trainer& trainer) { return *trainer.record()->info; }

}  // namespace clipscope::test
