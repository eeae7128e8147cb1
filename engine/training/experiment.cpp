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

constexpr double largestNorm = 1e30, smallestNorm = 1e-30, largestSigma = 1e6, largestRate = 1e30;

void validateSchedules(const Experiment& e) {
  const ScheduleSettings& s = e.schedules;
  validateSchedule(s.noiseMultiplier, "schedules.noise_multiplier", 0, largestSigma);
  validateSchedule(s.maxGradNorm, "schedules.max_grad_norm", smallestNorm, largestNorm);
  validateSchedule(s.learningRate, "schedules.learning_rate", 0, largestRate);
  if (s.maxGradNorm.isConstant()) return;
  if (e.clipping.adaptive.enabled)
    throw SettingError(
        "schedules.max_grad_norm: the adaptive threshold moves C already; make the schedule "
        "constant or switch clipping.adaptive off");
  if (e.clipping.thresholds == ThresholdRule::Custom)
    throw SettingError(
        "schedules.max_grad_norm: the thresholds rule custom gives each C_k; choose another rule "
        "or "
        "make the schedule constant");
}

}  // namespace

std::string_view samplingSchemeName(SamplingScheme scheme) {
  switch (scheme) {
    case SamplingScheme::Shuffled:
      return "shuffled";
    case SamplingScheme::Fixed:
      return "fixed";
    case SamplingScheme::Poisson:
      break;
  }
  return "poisson";
}

SamplingScheme parseSamplingScheme(const std::string& text, const std::string& setting) {
  for (const auto scheme :
       {SamplingScheme::Poisson, SamplingScheme::Shuffled, SamplingScheme::Fixed})
    if (text == samplingSchemeName(scheme)) return scheme;
  throw SettingError(setting + ": \"" + text +
                     "\" is not a sampling; choose poisson, shuffled or fixed");
}

double Experiment::noiseMultiplierAt(Index done) const {
  return std::clamp(schedules.noiseMultiplier.value(noise.noiseMultiplier, done), 0.0,
                    largestSigma);
}

double Experiment::maxGradNormAt(Index done) const {
  return std::clamp(schedules.maxGradNorm.value(clipping.maxGradNorm, done), smallestNorm,
                    largestNorm);
}

double Experiment::learningRateAt(Index done) const {
  return std::clamp(schedules.learningRate.value(optimizer.learningRate, done), 0.0, largestRate);
}

void Experiment::validate() const {
  validateData(data);
  validateModel(model);
  require(std::isfinite(clipping.maxGradNorm) && clipping.maxGradNorm > 0, "clipping.max_grad_norm",
          clipping.maxGradNorm, "above 0");
  require(clipping.maxGradNorm >= smallestNorm && clipping.maxGradNorm <= largestNorm,
          "clipping.max_grad_norm", clipping.maxGradNorm, "from 1e-30 to 1e30");
  makeStrategy(clipping.strategy, clipping.strategySettings);
  if (clipping.grouping == GroupingKind::Custom && clipping.groups.empty())
    throw SettingError("clipping.groups: the grouping custom needs at least one group");
  for (const auto& [name, threshold] : clipping.groupThresholds)
    require(std::isfinite(threshold) && threshold > 0, "clipping.group_thresholds." + name,
            threshold, "above 0");
  require(std::isfinite(noise.noiseMultiplier) && noise.noiseMultiplier >= 0 &&
              noise.noiseMultiplier <= largestSigma,
          "noise.noise_multiplier", noise.noiseMultiplier, "from 0 to 1e6");
  validateAdaptive(clipping.adaptive);
  if (clipping.adaptive.enabled && clipping.strategy == "none")
    throw SettingError(
        "clipping.adaptive.enabled: the strategy none has no threshold to adapt; choose another");
  validateOptimizer(optimizer);
  validateSchedules(*this);
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
  require(run.refreshNormsEvery >= 0, "run.refresh_norms_every",
          static_cast<double>(run.refreshNormsEvery), "0 or more");
  require(run.evaluateEvery >= 0, "run.evaluate_every", static_cast<double>(run.evaluateEvery),
          "0 (never) or more");
  require(run.memoryBudgetMiB >= 0, "run.memory_budget_mib",
          static_cast<double>(run.memoryBudgetMiB), "0 or more");
}

bool needsRestart(const Experiment& before, const Experiment& after) {
  return !(before.data == after.data && before.model == after.model) ||
         before.run.seed != after.run.seed || before.run.secureMode != after.run.secureMode ||
         before.run.threads != after.run.threads ||
         before.sampling.physicalBatchSize != after.sampling.physicalBatchSize;
}

}  // namespace clipscope
