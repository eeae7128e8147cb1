// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/small_recording.h"

#include "engine/recording/recording_writer.h"
#include "tests/fuzz/temporary_file.h"
#include "tests/support/recorded_run.h"
#include "tests/support/small_experiment.h"

namespace clipscope::fuzz {

namespace {

Experiment recorded() {
  Experiment e = test::smallExperiment();
  e.clipping.grouping = GroupingKind::PerLayer;
  e.clipping.adaptive.enabled = true;
  e.optimizer.kind = "adam";
  e.sampling.expectedBatchSize = 6;
  e.run.threads = 1;
  return e;
}

LoadedData data() { return test::smallData(40, 4); }

std::string record() {
  const Experiment experiment = recorded();
  Trainer trainer(experiment, data());
  const TemporaryFile file;
  RecordingWriter writer(file.path(), test::recordedMeta, test::infoOf(trainer), experiment);
  BranchTree tree(std::make_shared<const Experiment>(experiment));
  std::shared_ptr<const TrainerCheckpoint> fork;
  for (int step = 1; step <= 4; ++step) {
    writer.add(0, test::nextStep(trainer));
    if (step == 2) fork = trainer.checkpoint();
  }
  writer.addCheckpoint(0, fork);
  writer.addCheckpoint(0, trainer.checkpoint());

  Experiment changed = experiment;
  changed.noise.noiseMultiplier = 0.5;
  trainer.restore(*fork);
  trainer.apply(changed);
  tree.at(0).steps = 4;
  const int branch = tree.add(0, 2, std::make_shared<const Experiment>(changed));
  writer.addBranch(tree.at(branch));
  writer.setActiveBranch(branch);
  for (const auto& step : test::steps(trainer, 2)) writer.add(branch, step);
  writer.addCheckpoint(branch, trainer.checkpoint());
  writer.close();
  return file.bytes();
}

}  // namespace

const std::string& smallRecording() {
  static const std::string bytes = record();
  return bytes;
}

Trainer& smallTrainer() {
  static Trainer trainer(recorded(), data());
  return trainer;
}

}  // namespace clipscope::fuzz
