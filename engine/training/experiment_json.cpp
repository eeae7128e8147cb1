// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/error.h"
#include "engine/formats/atomic_file.h"
#include "engine/formats/byte_source.h"
#include "engine/formats/json_text.h"
#include "engine/training/experiment.h"
#include "engine/training/json_fields.h"

namespace clipscope {

using nlohmann::json;

namespace {

constexpr int formatVersion = 1;

json toJson(const DataSettings& d) {
  return {{"source", dataSourceName(d.source)},
          {"path", d.path},
          {"labels", d.labels},
          {"digits",
           {{"count", d.digits.count},
            {"seed", d.digits.seed},
            {"difficulty", d.digits.difficulty},
            {"label_noise", d.digits.labelNoise},
            {"outliers", d.digits.outliers}}},
          {"csv",
           {{"header", csvHeaderName(d.csvHeader)},
            {"label_column", d.labelColumn},
            {"ignore_columns", d.ignoreColumns},
            {"task", csvTaskName(d.csvTask)}}},
          {"normalisation",
           {{"rule", normalisationRuleName(d.normalisation)}, {"mean", d.mean}, {"std", d.std}}},
          {"test_share", d.testShare},
          {"split_seed", d.splitSeed}};
}

DataSettings readData(JsonFields fields) {
  DataSettings d;
  fields.read("source", d.source, parseDataSource);
  fields.read("path", d.path);
  fields.read("labels", d.labels);
  JsonFields digits = fields.object("digits");
  digits.read("count", d.digits.count);
  digits.read("seed", d.digits.seed);
  digits.read("difficulty", d.digits.difficulty);
  digits.read("label_noise", d.digits.labelNoise);
  digits.read("outliers", d.digits.outliers);
  digits.checkAllKnown();
  JsonFields csv = fields.object("csv");
  csv.read("header", d.csvHeader, parseCsvHeader);
  csv.read("label_column", d.labelColumn);
  csv.read("ignore_columns", d.ignoreColumns);
  csv.read("task", d.csvTask, parseCsvTask);
  csv.checkAllKnown();
  JsonFields normalisation = fields.object("normalisation");
  normalisation.read("rule", d.normalisation, parseNormalisationRule);
  normalisation.read("mean", d.mean);
  normalisation.read("std", d.std);
  normalisation.checkAllKnown();
  fields.read("test_share", d.testShare);
  fields.read("split_seed", d.splitSeed);
  fields.checkAllKnown();
  return d;
}

ModelSettings readModel(JsonFields fields) {
  ModelSettings m;
  if (fields.has("spec")) {
    m.preset.clear();
    m.spec = fields.raw("spec");
  }
  fields.read("preset", m.preset);
  if (!m.preset.empty() && !m.spec.is_null())
    throw SettingError(fields.path("preset") + ": give a preset or a spec, not both");
  fields.checkAllKnown();
  return m;
}

json toJson(const ClippingSettings& c) {
  json groups = json::array();
  for (const auto& [name, parameters] : c.groups)
    groups.push_back({{"name", name}, {"parameters", parameters}});
  const StrategySettings& s = c.strategySettings;
  return {{"grouping", groupingName(c.grouping)},
          {"strategy", c.strategy},
          {"max_grad_norm", c.maxGradNorm},
          {"thresholds", thresholdRuleName(c.thresholds)},
          {"groups", groups},
          {"group_thresholds", c.groupThresholds},
          {"clip_constant", s.clipConstant},
          {"gamma", s.gamma},
          {"r", s.r},
          {"psac_r", s.psacR},
          {"global_bound", s.globalBound},
          {"adaptive",
           {{"enabled", c.adaptive.enabled},
            {"target_quantile", c.adaptive.targetQuantile},
            {"learning_rate", c.adaptive.learningRate},
            {"count_std", c.adaptive.countStd},
            {"denominator", countDenominatorName(c.adaptive.denominator)},
            {"min_threshold", c.adaptive.minThreshold},
            {"max_threshold", c.adaptive.maxThreshold}}}};
}

AdaptiveSettings readAdaptive(JsonFields fields) {
  AdaptiveSettings a;
  fields.read("enabled", a.enabled);
  fields.read("target_quantile", a.targetQuantile);
  fields.read("learning_rate", a.learningRate);
  fields.read("count_std", a.countStd);
  fields.read("denominator", a.denominator, parseCountDenominator);
  fields.read("min_threshold", a.minThreshold);
  fields.read("max_threshold", a.maxThreshold);
  fields.checkAllKnown();
  return a;
}

json toJson(const Schedule& s) {
  return {{"kind", scheduleKindName(s.kind)},
          {"gamma", s.gamma},
          {"every", s.every},
          {"floor", s.floor},
          {"steps", s.steps},
          {"values", s.values}};
}

Schedule readSchedule(JsonFields fields) {
  Schedule s;
  fields.read("kind", s.kind, parseScheduleKind);
  fields.read("gamma", s.gamma);
  fields.read("every", s.every);
  fields.read("floor", s.floor);
  fields.read("steps", s.steps);
  fields.read("values", s.values);
  fields.checkAllKnown();
  return s;
}

ScheduleSettings readSchedules(JsonFields fields) {
  ScheduleSettings s;
  s.noiseMultiplier = readSchedule(fields.object("noise_multiplier"));
  s.maxGradNorm = readSchedule(fields.object("max_grad_norm"));
  s.learningRate = readSchedule(fields.object("learning_rate"));
  fields.checkAllKnown();
  return s;
}

SamplingSettings readSampling(JsonFields fields) {
  SamplingSettings s;
  fields.read("scheme", s.scheme, parseSamplingScheme);
  fields.read("expected_batch_size", s.expectedBatchSize);
  fields.read("sample_rate", s.sampleRate);
  fields.read("physical_batch_size", s.physicalBatchSize);
  fields.checkAllKnown();
  return s;
}

ClippingSettings readClipping(JsonFields fields) {
  ClippingSettings c;
  fields.read("grouping", c.grouping, parseGrouping);
  fields.read("strategy", c.strategy);
  fields.read("max_grad_norm", c.maxGradNorm);
  fields.read("thresholds", c.thresholds, parseThresholdRule);
  if (fields.has("groups")) {
    const json& groups = fields.raw("groups");
    if (!groups.is_array())
      throw SettingError(fields.path("groups") + ": must be a list of {name, parameters}");
    for (std::size_t k = 0; k < groups.size(); ++k) {
      JsonFields group(groups[k], fields.path("groups") + "[" + std::to_string(k) + "]");
      std::string name;
      std::vector<std::string> parameters;
      group.read("name", name);
      group.read("parameters", parameters);
      group.checkAllKnown();
      c.groups.emplace_back(name, parameters);
    }
  }
  if (fields.has("group_thresholds")) {
    const json& thresholds = fields.raw("group_thresholds");
    JsonFields each(thresholds, fields.path("group_thresholds"));
    for (const auto& [name, value] : thresholds.items()) each.read(name, c.groupThresholds[name]);
  }
  StrategySettings& s = c.strategySettings;
  fields.read("clip_constant", s.clipConstant);
  fields.read("gamma", s.gamma);
  fields.read("r", s.r);
  fields.read("psac_r", s.psacR);
  fields.read("global_bound", s.globalBound);
  c.adaptive = readAdaptive(fields.object("adaptive"));
  fields.checkAllKnown();
  return c;
}

json toJson(const OptimizerSettings& o) {
  return {{"kind", o.kind},
          {"learning_rate", o.learningRate},
          {"momentum", o.momentum},
          {"dampening", o.dampening},
          {"nesterov", o.nesterov},
          {"weight_decay", o.weightDecay},
          {"beta1", o.beta1},
          {"beta2", o.beta2},
          {"eps", o.eps},
          {"amsgrad", o.amsgrad},
          {"alpha", o.alpha},
          {"centered", o.centered},
          {"learning_rate_decay", o.learningRateDecay},
          {"initial_accumulator_value", o.initialAccumulator},
          {"adagrad_eps", o.adagradEps}};
}

OptimizerSettings readOptimizer(JsonFields fields) {
  OptimizerSettings o;
  fields.read("kind", o.kind);
  fields.read("learning_rate", o.learningRate);
  fields.read("momentum", o.momentum);
  fields.read("dampening", o.dampening);
  fields.read("nesterov", o.nesterov);
  fields.read("weight_decay", o.weightDecay);
  fields.read("beta1", o.beta1);
  fields.read("beta2", o.beta2);
  fields.read("eps", o.eps);
  fields.read("amsgrad", o.amsgrad);
  fields.read("alpha", o.alpha);
  fields.read("centered", o.centered);
  fields.read("learning_rate_decay", o.learningRateDecay);
  fields.read("initial_accumulator_value", o.initialAccumulator);
  fields.read("adagrad_eps", o.adagradEps);
  fields.checkAllKnown();
  return o;
}

RunSettings readRun(JsonFields fields) {
  RunSettings r;
  fields.read("seed", r.seed);
  fields.read("steps", r.steps);
  fields.read("threads", r.threads);
  fields.read("evaluate_every", r.evaluateEvery);
  fields.read("refresh_norms_every", r.refreshNormsEvery);
  fields.read("secure_mode", r.secureMode);
  fields.read("unclipped_sum", r.unclippedSum);
  fields.read("memory_budget_mib", r.memoryBudgetMiB);
  fields.checkAllKnown();
  return r;
}

}  // namespace

json toJson(const Experiment& e) {
  json model = json::object();
  if (e.model.preset.empty())
    model["spec"] = e.model.spec;
  else
    model["preset"] = e.model.preset;
  return {{"clipscope_experiment", formatVersion},
          {"data", toJson(e.data)},
          {"model", model},
          {"clipping", toJson(e.clipping)},
          {"noise",
           {{"noise_multiplier", e.noise.noiseMultiplier},
            {"allocation", noiseAllocationName(e.noise.allocation)}}},
          {"optimizer", toJson(e.optimizer)},
          {"sampling",
           {{"scheme", samplingSchemeName(e.sampling.scheme)},
            {"expected_batch_size", e.sampling.expectedBatchSize},
            {"sample_rate", e.sampling.sampleRate},
            {"physical_batch_size", e.sampling.physicalBatchSize}}},
          {"privacy", {{"delta", e.privacy.delta}, {"accountant", e.privacy.accountant}}},
          {"run",
           {{"seed", e.run.seed},
            {"steps", e.run.steps},
            {"threads", e.run.threads},
            {"evaluate_every", e.run.evaluateEvery},
            {"refresh_norms_every", e.run.refreshNormsEvery},
            {"secure_mode", e.run.secureMode},
            {"unclipped_sum", e.run.unclippedSum},
            {"memory_budget_mib", e.run.memoryBudgetMiB}}},
          {"schedules",
           {{"noise_multiplier", toJson(e.schedules.noiseMultiplier)},
            {"max_grad_norm", toJson(e.schedules.maxGradNorm)},
            {"learning_rate", toJson(e.schedules.learningRate)}}}};
}

Experiment experimentFromJson(const json& value) {
  JsonFields fields(value, "");
  Index version = formatVersion;
  fields.read("clipscope_experiment", version);
  if (version != formatVersion)
    throw SettingError("clipscope_experiment: version " + std::to_string(version) +
                       " is not one that this program reads (1); update the program");
  Experiment e;
  e.data = readData(fields.object("data"));
  e.model = readModel(fields.object("model"));
  e.clipping = readClipping(fields.object("clipping"));
  JsonFields noise = fields.object("noise");
  noise.read("noise_multiplier", e.noise.noiseMultiplier);
  noise.read("allocation", e.noise.allocation, parseNoiseAllocation);
  noise.checkAllKnown();
  e.optimizer = readOptimizer(fields.object("optimizer"));
  e.sampling = readSampling(fields.object("sampling"));
  JsonFields privacy = fields.object("privacy");
  privacy.read("delta", e.privacy.delta);
  privacy.read("accountant", e.privacy.accountant);
  privacy.checkAllKnown();
  e.run = readRun(fields.object("run"));
  e.schedules = readSchedules(fields.object("schedules"));
  fields.checkAllKnown();
  e.validate();
  return e;
}

Experiment loadExperiment(const std::filesystem::path& path) {
  const json value = parseJson(readText(path, std::size_t{1} << 26), path.string());
  try {
    Experiment e = experimentFromJson(value);
    for (std::string* file : {&e.data.path, &e.data.labels})
      if (!file->empty() && std::filesystem::path(*file).is_relative())
        *file = (path.parent_path() / *file).lexically_normal().string();
    return e;
  } catch (const SettingError& error) {
    throw SettingError(path.string() + ": " + error.what());
  }
}

void saveExperiment(const Experiment& experiment, const std::filesystem::path& path) {
  writeFileAtomically(path, toJson(experiment).dump(2) + "\n");
}

}  // namespace clipscope
