// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/fuzz/recording_checks.h"

#include <algorithm>

#include "engine/interchange/csv_rows.h"
#include "tests/fuzz/properties.h"
#include "tests/fuzz/small_recording.h"

namespace clipscope::fuzz {

namespace {

/// Steps and checkpoints that are looked at, of however many there are.
constexpr Index mostSteps = 12;
constexpr std::size_t mostCheckpoints = 6;

template <class T>
bool has(const std::vector<T>& values, Index count) {
  return static_cast<Index>(values.size()) == count;
}

void checkExamples(const StepRecord& record) {
  const Index batch = record.batchSize();
  const Index classes = static_cast<Index>(record.info->classNames.size());
  expect(has(record.sample->labels, batch) && has(record.forward->losses, batch) &&
             has(record.forward->predictions, batch) && has(record.norms->global, batch),
         "each example has its row");
  expect(record.norms->norms.examples() == batch && record.clip->factors.examples() == batch,
         "each example has norms and factors");
  expect(std::ranges::is_sorted(record.sample->examples), "examples ascend");
  for (const Index example : record.sample->examples)
    expect(example >= 0, "an example has a number");
  for (const auto* ids : {&record.sample->labels, &record.forward->predictions})
    for (const int id : *ids) expect(id >= -1 && id < classes, "a class, or none");
  for (const Index row : record.norms->nonFinite) expect(row >= 0 && row < batch, "a row");
  expect(record.clip->worstExample >= -1, "a row or none");
  if (batch > 0) expect(record.clip->worstExample < batch, "the worst example is one");
}

void checkGroups(const StepRecord& record) {
  const Index tensors = static_cast<Index>(record.info->tensors.size());
  const Index groups = static_cast<Index>(record.clip->groups.size());
  expect(has(record.clip->groupOf, tensors), "each tensor has its group");
  Index inGroups = 0;
  for (Index k = 0; k < groups; ++k) {
    const GroupResult& group = record.clip->groups[static_cast<std::size_t>(k)];
    expect(!group.tensors.empty(), "a group has tensors");
    inGroups += static_cast<Index>(group.tensors.size());
    for (const Index t : group.tensors)
      expect(record.clip->groupOf[static_cast<std::size_t>(t)] == k, "a tensor is in its group");
  }
  expect(inGroups == tensors, "the groups are a partition");
  expect(record.norms->norms.tensors() == tensors && record.clip->factors.groups() == groups,
         "norms by tensor, factors by group");
  for (const auto* values :
       {&record.clip->tensorSignal, &record.clip->tensorBiasRatio, &record.clip->tensorBiasCosine,
        &record.noise->tensorStd, &record.noise->tensorExpected, &record.noise->tensorRealised})
    expect(has(*values, tensors), "each tensor has its numbers");
  expect(record.noise->adaptive.empty() || has(record.noise->adaptive, groups),
         "each group adapts, or none");
}

void checkRecord(const StepRecord& record, Index step) {
  expect(record.step == step && record.has(Phase::Account), "the step that was asked for, whole");
  checkExamples(record);
  checkGroups(record);
  expect(record.times->layers.size() == record.info->modelLayers.size(), "each layer has times");
  std::string text;
  appendStepsRow(text, record);
  appendExampleRows(text, record);
  appendLayerRows(text, record);
  appendExampleLayerRows(text, record);
}

void checkBranch(const RecordingReader& reader, const Branch& branch) {
  expect(branch.steps >= branch.fork && branch.fork >= 0, "a branch begins before it ends");
  std::vector<StepSummary> summaries;
  const bool whole = accepts<FileError>([&] { summaries = reader.summaries(branch.number); });
  if (whole)
    expect(has(summaries, branch.steps - branch.fork), "a summary of each of its own steps");
  for (std::size_t k = 0; k < summaries.size(); ++k) {
    const StepSummary& summary = summaries[k];
    expect(summary.step == branch.fork + static_cast<Index>(k) + 1, "summaries have no gap");
    expect(summary.batchSize >= 0, "a batch's size");
    std::string text;
    appendSummaryRow(text, summary);
  }
  std::vector<Index> read;
  for (Index step = branch.steps; step > std::max(Index{0}, branch.steps - mostSteps); --step) {
    std::shared_ptr<const StepRecord> record;
    if (!accepts<FileError>([&] { record = reader.step(branch.number, step); })) continue;
    checkRecord(*record, step);
    reader.tree().settingsOf(branch.number, step)->validate();
    read.push_back(step);
  }
  for (const Index step : read)
    expect(accepts<FileError>([&] { reader.step(branch.number, step); }),
           "a damaged step is no damage to the others");
  expect(!accepts<FileError>([&] { reader.step(branch.number, branch.steps + 1); }) &&
             !accepts<FileError>([&] { reader.step(branch.number, 0); }),
         "there is no step that there is not");
}

void checkCheckpoints(const RecordingReader& reader) {
  std::vector<RecordingReader::CheckpointPlace> places;
  if (!accepts<FileError>([&] { places = reader.checkpoints(); })) return;
  if (places.size() > mostCheckpoints) places.resize(mostCheckpoints);
  for (const auto& place : places) {
    expect(reader.tree().contains(place.branch) && place.step >= 0 && place.bytes >= 0,
           "a checkpoint has a place");
    SavedCheckpoint saved;
    if (!accepts<FileError>([&] { saved = reader.checkpoint(place.branch, place.step); })) continue;
    expect(saved.done == place.step, "the checkpoint that was asked for");
    Trainer& trainer = smallTrainer();
    std::shared_ptr<const TrainerCheckpoint> checkpoint;
    if (!accepts<FileError>([&] { checkpoint = trainer.checkpointFrom(saved); })) continue;
    accepts<Error>([&] {
      trainer.restore(*checkpoint);
      trainer.finishStep();
    });
  }
}

}  // namespace

void checkRecording(const RecordingReader& reader) {
  const BranchTree& tree = reader.tree();
  expect(!tree.branches().empty() && tree.contains(0) && tree.contains(reader.activeBranch()),
         "there is a root and an active branch");
  expect(!reader.info()->tensors.empty() && reader.info()->datasetSize >= 1, "a run's sizes");
  for (const Branch& branch : tree.branches()) checkBranch(reader, branch);
  checkCheckpoints(reader);
}

}  // namespace clipscope::fuzz
