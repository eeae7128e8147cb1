// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/command_line.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "engine/error.h"

namespace clipscope {

using nlohmann::json;

namespace {

/// Options of `clipscope run` that set one field each, by the field's path.
struct FieldOption {
  std::string_view path, flag;
};
constexpr std::array fieldOptions{
    FieldOption{"data.labels", "--labels"},
    FieldOption{"data.csv.label_column", "--label-column"},
    FieldOption{"data.csv.header", "--csv-header"},
    FieldOption{"data.csv.task", "--csv-task"},
    FieldOption{"data.test_share", "--test-share"},
    FieldOption{"data.split_seed", "--split-seed"},
    FieldOption{"data.digits.count", "--digits"},
    FieldOption{"data.digits.seed", "--data-seed"},
    FieldOption{"data.digits.difficulty", "--difficulty"},
    FieldOption{"data.digits.label_noise", "--label-noise"},
    FieldOption{"data.digits.outliers", "--outliers"},
    FieldOption{"model.preset", "--model"},
    FieldOption{"clipping.grouping", "--clipping"},
    FieldOption{"clipping.strategy", "--strategy"},
    FieldOption{"clipping.max_grad_norm", "--max-grad-norm"},
    FieldOption{"clipping.thresholds", "--thresholds"},
    FieldOption{"clipping.clip_constant", "--clip-constant"},
    FieldOption{"clipping.gamma", "--gamma"},
    FieldOption{"clipping.r", "--r"},
    FieldOption{"clipping.psac_r", "--psac-r"},
    FieldOption{"clipping.global_bound", "--global-bound"},
    FieldOption{"noise.noise_multiplier", "--noise-multiplier"},
    FieldOption{"noise.allocation", "--allocation"},
    FieldOption{"optimizer.kind", "--optimizer"},
    FieldOption{"optimizer.learning_rate", "--learning-rate"},
    FieldOption{"optimizer.momentum", "--momentum"},
    FieldOption{"optimizer.dampening", "--dampening"},
    FieldOption{"optimizer.weight_decay", "--weight-decay"},
    FieldOption{"optimizer.beta1", "--beta1"},
    FieldOption{"optimizer.beta2", "--beta2"},
    FieldOption{"optimizer.eps", "--eps"},
    FieldOption{"optimizer.alpha", "--alpha"},
    FieldOption{"optimizer.learning_rate_decay", "--lr-decay"},
    FieldOption{"optimizer.initial_accumulator_value", "--initial-accumulator"},
    FieldOption{"optimizer.adagrad_eps", "--adagrad-eps"},
    FieldOption{"clipping.adaptive.target_quantile", "--target-quantile"},
    FieldOption{"clipping.adaptive.learning_rate", "--threshold-learning-rate"},
    FieldOption{"clipping.adaptive.count_std", "--count-std"},
    FieldOption{"clipping.adaptive.denominator", "--count-denominator"},
    FieldOption{"clipping.adaptive.min_threshold", "--min-threshold"},
    FieldOption{"clipping.adaptive.max_threshold", "--max-threshold"},
    FieldOption{"sampling.scheme", "--sampling"},
    FieldOption{"sampling.physical_batch_size", "--physical-batch-size"},
    FieldOption{"privacy.delta", "--delta"},
    FieldOption{"privacy.accountant", "--accountant"},
    FieldOption{"run.seed", "--seed"},
    FieldOption{"run.steps", "--steps"},
    FieldOption{"run.threads", "--threads"},
    FieldOption{"run.evaluate_every", "--evaluate-every"},
};

/// Options that switch a field on and take no value.
constexpr std::array switches{
    FieldOption{"optimizer.nesterov", "--nesterov"},
    FieldOption{"optimizer.amsgrad", "--amsgrad"},
    FieldOption{"optimizer.centered", "--centered"},
    FieldOption{"clipping.adaptive.enabled", "--adaptive"},
};

std::string quoted(const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-+./:=,@%").find(c) != std::string_view::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), plain)) return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

/// Calls `differs(path, value)` for every field of `wanted` that `base` has otherwise. Lists, and
/// objects whose fields depend on a kind, are one field.
void compare(const json& base, const json& wanted, const std::string& path,
             const std::function<void(const std::string&, const json&)>& differs) {
  const bool sameFields =
      base.is_object() && wanted.is_object() && base.size() == wanted.size() &&
      std::all_of(base.items().begin(), base.items().end(),
                  [&](const auto& item) { return wanted.contains(item.key()); });
  if (!sameFields) {
    if (base != wanted) differs(path, wanted);
    return;
  }
  for (const auto& [key, value] : wanted.items())
    compare(base.at(key), value, path.empty() ? key : path + "." + key, differs);
}

/// The defaults, with the data that `--data` would give; false where it cannot.
bool withData(Experiment& base, const Experiment& wanted) {
  if (wanted.data.source == DataSource::Digits || wanted.data.path.empty()) return false;
  try {
    base.data = settingsForPath(wanted.data.path, base.data);
  } catch (const Error&) {
    return false;
  }
  if (base.data.source == DataSource::Csv) base.model.preset = "logistic";
  return base.data.source == wanted.data.source && base.data.path == wanted.data.path;
}

void assign(json& whole, const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw SettingError("--set: \"" + assignment + "\" is not PATH=VALUE");
  const std::string path = assignment.substr(0, equals), text = assignment.substr(equals + 1);
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) value = text;
  std::string pointer = "/";
  for (const char c : path) pointer += c == '.' ? '/' : c;
  // A network is a preset or a list of layers.
  if (path.starts_with("model.")) whole["model"] = json::object();
  try {
    whole[json::json_pointer(pointer)] = value;
  } catch (const json::exception&) {
    throw SettingError("--set: \"" + path + "\" is not a setting");
  }
}

}  // namespace

std::string commandLineOf(const Experiment& experiment) {
  std::string line = "clipscope run";
  const auto add = [&](std::string_view flag, const std::string& value) {
    line += ' ';
    line += flag;
    line += ' ' + quoted(value);
  };
  Experiment base;
  if (withData(base, experiment))
    add("--data", experiment.data.path);
  else
    base = Experiment{};
  // One of the two decides the batch.
  Experiment wanted = experiment;
  if (!(wanted.sampling == base.sampling)) {
    if (wanted.sampling.sampleRate > 0)
      add("--sample-rate", json(wanted.sampling.sampleRate).dump());
    else if (wanted.sampling.expectedBatchSize != base.sampling.expectedBatchSize)
      add("--batch-size", json(wanted.sampling.expectedBatchSize).dump());
    base.sampling.sampleRate = wanted.sampling.sampleRate;
    if (wanted.sampling.sampleRate == 0)
      base.sampling.expectedBatchSize = wanted.sampling.expectedBatchSize;
  }
  // A schedule is one option: its fields make sense together only.
  for (const auto& [flag, schedule] :
       {std::pair{"--noise-schedule", &ScheduleSettings::noiseMultiplier},
        std::pair{"--norm-schedule", &ScheduleSettings::maxGradNorm},
        std::pair{"--rate-schedule", &ScheduleSettings::learningRate}})
    if (!(wanted.schedules.*schedule == base.schedules.*schedule))
      add(flag, scheduleText(wanted.schedules.*schedule));
  base.schedules = wanted.schedules;
  const auto differs = [&](const std::string& path, const json& value) {
    for (const FieldOption& option : switches)
      if (path == option.path && value == true) {
        line += ' ';
        line += option.flag;
        return;
      }
    if (path == "run.unclipped_sum" && value == false) {
      line += " --no-unclipped-sum";
      return;
    }
    const auto option = std::find_if(fieldOptions.begin(), fieldOptions.end(),
                                     [&](const FieldOption& o) { return o.path == path; });
    if (option != fieldOptions.end() && value.is_primitive())
      add(option->flag, value.is_string() ? value.get<std::string>() : value.dump());
    else
      add("--set", path + "=" + value.dump());
  };
  const json before = toJson(base), after = toJson(wanted);
  compare(before, after, "", differs);
  return line;
}

Experiment withSettings(const Experiment& experiment, const std::vector<std::string>& assignments) {
  json whole = toJson(experiment);
  for (const std::string& assignment : assignments) assign(whole, assignment);
  return experimentFromJson(whole);
}

}  // namespace clipscope
