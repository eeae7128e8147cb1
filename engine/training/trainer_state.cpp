// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/trainer_state.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "engine/data/shuffled_sampler.h"
#include "engine/error.h"
#include "engine/formats/number_text.h"
#include "engine/model/presets.h"

namespace clipscope {

std::shared_ptr<const Model> makeModel(const Experiment& experiment, const Dataset& data) {
  const nlohmann::json spec = experiment.model.preset.empty()
                                  ? experiment.model.spec
                                  : presetSpec(experiment.model.preset, data.shape(),
                                               data.outputs(), !data.isClassification());
  auto model = Model::fromSpec(spec, data.shape(), experiment.sampling.physicalBatchSize);
  const Loss& loss = model->loss();
  loss.check(model->outputShape(), {data.isClassification(), data.outputs()});
  if (!data.isClassification())
    for (Index i = 0; i < data.size(); ++i)
      for (const float target : data.targets(i)) loss.checkTarget(target, i);
  return model;
}

namespace {

std::shared_ptr<const RunInfo> infoOf(const Model& model, const LoadedData& data) {
  auto made = std::make_shared<RunInfo>();
  const ParameterTable& table = model.table();
  for (Index t = 0; t < table.trainableCount(); ++t) {
    const ParameterInfo& tensor = table.trainableInfo(t);
    made->tensors.push_back(tensor.name);
    made->layers.push_back(tensor.layer);
    made->sizes.push_back(tensor.size());
    made->shapes.push_back(tensor.shape);
  }
  made->modelLayers = model.layerNames();
  made->dimension = table.dimension();
  made->datasetSize = static_cast<Index>(data.train.size());
  made->classNames = data.data->classNames();
  return made;
}

/// The noise multipliers among which the largest of a schedule is.
std::vector<double> largestSigmas(const Experiment& experiment) {
  const Schedule& schedule = experiment.schedules.noiseMultiplier;
  if (schedule.kind == ScheduleKind::Table) return schedule.values;
  if (schedule.kind == ScheduleKind::Cosine)
    return {experiment.noise.noiseMultiplier, schedule.floor};
  return {experiment.noise.noiseMultiplier};
}

}  // namespace

StepRules::StepRules(Experiment settings, const RunInfo& info) : experiment(std::move(settings)) {
  const ClippingSettings& clipping = experiment.clipping;
  grouping = makeGrouping(clipping.grouping, info.tensors, clipping.groups);
  strategy = makeStrategy(clipping.strategy, clipping.strategySettings);
  groupDimensions.assign(grouping.groups().size(), 0);
  for (std::size_t k = 0; k < grouping.groups().size(); ++k)
    for (const Index tensor : grouping.groups()[k].tensors)
      groupDimensions[k] += info.sizes[static_cast<std::size_t>(tensor)];
  // A rule that cannot give thresholds to these groups says so now, not in the middle of a step.
  makeThresholds(clipping.thresholds, clipping.maxGradNorm, grouping, groupDimensions, {},
                 clipping.groupThresholds);
  const double n = static_cast<double>(info.datasetSize);
  const SamplingSettings& sampling = experiment.sampling;
  if (sampling.sampleRate <= 0 && sampling.expectedBatchSize > n)
    throw SettingError("sampling.expected_batch_size: " + numberText(sampling.expectedBatchSize) +
                       " is more than the " + std::to_string(info.datasetSize) +
                       " training examples; lower it");
  sampleRate = sampling.sampleRate > 0 ? sampling.sampleRate : sampling.expectedBatchSize / n;
  expectedBatch = sampling.sampleRate > 0 ? sampling.sampleRate * n : sampling.expectedBatchSize;
  if (sampling.scheme != SamplingScheme::Poisson) {
    batchSize = std::max<Index>(1, std::llround(expectedBatch));
    expectedBatch = static_cast<double>(batchSize);
    sampleRate = expectedBatch / n;
    if (sampling.scheme == SamplingScheme::Shuffled)
      batchesPerEpoch = clipscope::batchesPerEpoch(info.datasetSize, batchSize);
  }
  // So does a count that would leave the gradients no noise. (A σ that grows without end is
  // refused by the step that it is too large for.)
  if (clipping.adaptive.enabled)
    for (const double sigma : largestSigmas(experiment))
      gradientNoiseMultiplier(sigma, clipping.adaptive.countStd, grouping.count());
}

Trainer::State::State(Experiment settings, LoadedData loaded) : data(std::move(loaded)) {
  settings.validate();
  if (data.train.empty())
    throw SettingError("data: no training example is left; lower the test share");
  model = makeModel(settings, *data.data);
  info = infoOf(*model, data);
  nextRules = std::make_shared<StepRules>(std::move(settings), *info);
  runner.emplace(model, nextRules->experiment.run.threads);
  witnesses.assign(runner->workers(), Witness(model->sharedTable()));
  releasePass = ReleasePass(model->table());
  restart();
}

void Trainer::State::restart() {
  rules = nextRules;
  const Experiment& experiment = rules->experiment;
  auto fresh = std::make_shared<Parameters>(model->sharedTable());
  fresh->initialise(experiment.run.seed);
  parameters = fresh;
  done = 0;
  medians.clear();
  carried = {};
  accountant = makeAccountant(experiment.privacy.accountant);
  optimizer = makeOptimizer(experiment.optimizer);
  current = std::make_shared<StepRecord>();
  current->info = info;
  stepParameters.reset();
  secret.reset();
  // An order that came from a key cannot be made again, and must not be taken again.
  orderEpoch = -1;
}

void Trainer::State::adoptRules() {
  if (rules == nextRules) return;
  const Experiment& before = rules->experiment;
  const Experiment& after = nextRules->experiment;
  if (!(before.optimizer == after.optimizer)) {
    // Momentum survives a change of rates; another kind of optimiser starts afresh.
    auto replacement = makeOptimizer(after.optimizer);
    if (replacement->name() == optimizer->name()) replacement->setState(optimizer->state());
    optimizer = std::move(replacement);
  }
  if (before.privacy.accountant != after.privacy.accountant) {
    auto replacement = makeAccountant(after.privacy.accountant);
    for (const auto& entry : accountant->history())
      replacement->add(entry.sigma, entry.sampleRate, entry.steps);
    accountant = std::move(replacement);
  }
  // Medians of other groups say nothing of these.
  if (nextRules->grouping.count() != rules->grouping.count() ||
      before.clipping.grouping != after.clipping.grouping ||
      before.clipping.groups != after.clipping.groups)
    medians.clear();
  // An adaptive threshold starts anew where its start was changed.
  const auto startOf = [](const ClippingSettings& c) {
    return std::tie(c.grouping, c.maxGradNorm, c.thresholds, c.groups, c.groupThresholds,
                    c.adaptive.enabled);
  };
  if (startOf(before.clipping) != startOf(after.clipping)) carried.thresholds.clear();
  if (before.sampling.scheme != after.sampling.scheme || rules->batchSize != nextRules->batchSize) {
    // Other batches begin another epoch, with an order that no batch has come from.
    if (rules->batchesPerEpoch > 0)
      carried.shuffleEpoch +=
          (done - carried.shuffleStep + rules->batchesPerEpoch - 1) / rules->batchesPerEpoch;
    carried.shuffleStep = done;
  }
  rules = nextRules;
}

}  // namespace clipscope
