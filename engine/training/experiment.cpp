// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/experiment.h"

#include <algorithm>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "engine/error.h"
#include "engine/formats/number_text.h"
#include "engine/model/presets.h"

namespace clipscope {

namespace {

void require(bool holds, const std::string& setting, double value, const std::string& wanted) {
  if (!holds) throw SettingError(setting + ": " + numberText(value) + " must be " + wanted);
}

void validateData(const DataSettings& d) {
  if (d.source != DataSource::Digits && d.path.empty())
    throw SettingError("data.path: the source " + std::string(dataSourceName(d.source)) +
                       " needs a file");
  require(d.testShare >= 0 && d.testShare <= 0.9, "data.test_share", d.testShare, "from 0 to 0.9");
  for (const double std : d.std) require(std > 0, "data.normalisation.std", std, "above 0");
  for (const double mean : d.mean)
    require(std::isfinite(mean), "data.normalisation.mean", mean, "finite");
  if (d.normalisation == NormalisationRule::Constants && (d.mean.empty() || d.std.empty()))
    throw SettingError("data.normalisation: the rule constants needs mean and std");
}

void validateModel(const ModelSettings& m) {
  if (m.preset.empty()) {
    if (!m.spec.is_object())
      throw SettingError("model: needs a preset, or a spec {\"layers\": […]}");
    return;
  }
  const auto& presets = modelPresets();
  if (std::any_of(presets.begin(), presets.end(),
                  [&](const ModelPreset& p) { return p.name == m.preset; }))
    return;
  throw SettingError("model.preset: \"" + m.preset + "\" is not a preset; choose one of " +
                     presetChoices());
}

}  // namespace

void Experiment::validate() const {
  validateData(data);
  validateModel(model);
  require(std::isfinite(clipping.maxGradNorm) && clipping.maxGradNorm > 0, "clipping.max_grad_norm",
          clipping.maxGradNorm, "above 0");
  require(clipping.maxGradNorm >= 1e-30 && clipping.maxGradNorm <= 1e30, "clipping.max_grad_norm",
          clipping.maxGradNorm, "from 1e-30 to 1e30");
  makeStrategy(clipping.strategy, clipping.strategySettings);
  if (clipping.grouping == GroupingKind::Custom && clipping.groups.empty())
    throw SettingError("clipping.groups: the grouping custom needs at least one group");
  for (const auto& [name, threshold] : clipping.groupThresholds)
    require(std::isfinite(threshold) && threshold > 0, "clipping.group_thresholds." + name,
            threshold, "above 0");
  require(std::isfinite(noise.noiseMultiplier) && noise.noiseMultiplier >= 0 &&
              noise.noiseMultiplier <= 1e6,
          "noise.noise_multiplier", noise.noiseMultiplier, "from 0 to 1e6");
  validateOptimizer(optimizer);
  require(sampling.sampleRate >= 0 && sampling.sampleRate <= 1, "sampling.sample_rate",
          sampling.sampleRate, "above 0 and at most 1 (or 0, to go by expected_batch_size)");
  if (sampling.sampleRate == 0)
    require(std::isfinite(sampling.expectedBatchSize) && sampling.expectedBatchSize > 0,
            "sampling.expected_batch_size", sampling.expectedBatchSize, "above 0");
  require(sampling.physicalBatchSize >= 0, "sampling.physical_batch_size",
          static_cast<double>(sampling.physicalBatchSize), "0 (the model's choice) or more");
  require(privacy.delta > 0 && privacy.delta < 1, "privacy.delta", privacy.delta,
          "above 0 and below 1");
  makeAccountant(privacy.accountant);
  require(run.steps >= 0, "run.steps", static_cast<double>(run.steps), "0 or more");
  require(run.threads >= 0 && run.threads <= 1024, "run.threads", run.threads,
          "from 0 (all cores) to 1024");
  require(run.evaluateEvery >= 0, "run.evaluate_every", static_cast<double>(run.evaluateEvery),
          "0 (never) or more");
  require(run.memoryBudgetMiB >= 0, "run.memory_budget_mib",
          static_cast<double>(run.memoryBudgetMiB), "0 or more");
}

bool needsRestart(const Experiment& before, const Experiment& after) {
  return !(before.data == after.data && before.model == after.model) ||
         before.run.seed != after.run.seed || before.run.threads != after.run.threads ||
         before.sampling.physicalBatchSize != after.sampling.physicalBatchSize;
}

}  // namespace clipscope
