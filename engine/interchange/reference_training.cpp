// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "engine/clipping/adaptive_threshold.h"
#include "engine/clipping/clip_factors.h"
#include "engine/error.h"
#include "engine/interchange/reference_kinds.h"
#include "engine/interchange/reference_network.h"
#include "engine/optimizer/optimizer.h"

namespace clipscope {

using nlohmann::json;

namespace {

constexpr double parameterTolerance = 2e-5;
constexpr double thresholdTolerance = 2e-6;  ///< Opacus evaluates exp in single precision

OptimizerSettings optimizerOf(const ReferenceFile& file) {
  const std::string kind = file.content().value("optimizer", "");
  if (std::ranges::count(optimizerNames(), kind) == 0)
    throw UnsupportedError("optimizer " + kind + " is not supported by this version");
  OptimizerSettings settings;
  settings.kind = kind;
  const ReferenceFile hyper = file.part(file.field("hyper"), "hyper");
  const auto read = [&](const char* field, double& value) {
    if (hyper.has(field)) value = hyper.number(field);
  };
  read("lr", settings.learningRate);
  read("momentum", settings.momentum);
  read("dampening", settings.dampening);
  read("weight_decay", settings.weightDecay);
  read("alpha", settings.alpha);
  read("lr_decay", settings.learningRateDecay);
  read("initial_accumulator_value", settings.initialAccumulator);
  read("eps", kind == "adagrad" ? settings.adagradEps : settings.eps);
  if (hyper.has("betas")) {
    settings.beta1 = hyper.field("betas").at(0).get<double>();
    settings.beta2 = hyper.field("betas").at(1).get<double>();
  }
  settings.nesterov = hyper.content().value("nesterov", false);
  settings.amsgrad = hyper.content().value("amsgrad", false);
  settings.centered = hyper.content().value("centered", false);
  return settings;
}

/// Grouping, strategy and thresholds of a trajectory.
struct Rule {
  Grouping grouping;
  std::shared_ptr<const ClipStrategy> strategy;
  std::vector<double> thresholds;
  AdaptiveSettings adaptive;

  Rule(const ReferenceFile& file, const std::vector<std::string>& trainable) {
    const std::string clipping = file.content().value("clipping", "");
    const ReferenceFile settings = file.part(file.field("clipping_settings"), "clipping_settings");
    StrategySettings constants;
    constants.clipConstant = 1e-6;
    if (file.has("clip_constant") && file.content()["clip_constant"].is_number())
      constants.clipConstant = file.number("clip_constant");
    if (settings.has("gamma")) constants.gamma = settings.number("gamma");
    strategy = makeStrategy(clipping == "auto_s" ? "auto_s" : "threshold", constants);
    if (clipping == "flat" || clipping == "auto_s") {
      grouping = makeGrouping(GroupingKind::Flat, trainable);
      thresholds = {settings.number("C")};
      return;
    }
    if (clipping == "adaptive_opacus" || clipping == "adaptive_fixed") {
      grouping = makeGrouping(GroupingKind::Flat, trainable);
      thresholds = {settings.number("C_initial")};
      adaptive = {
          true,
          settings.number("target_unclipped_quantile"),
          settings.number("clipbound_learning_rate"),
          settings.number("unclipped_num_std"),
          clipping == "adaptive_fixed" ? CountDenominator::Expected : CountDenominator::Batch,
          settings.number("min_clipbound"),
          settings.number("max_clipbound")};
      return;
    }
    if (clipping == "per_param")
      grouping = makeGrouping(GroupingKind::PerParameter, trainable);
    else if (clipping == "per_layer")
      grouping = makeGrouping(GroupingKind::Custom, trainable, settings.groups("groups"));
    else
      throw UnsupportedError("clipping " + clipping + " is not supported by this version");
    const ReferenceFile thresholdOf = settings.part(settings.field("C"), "C");
    for (const ClippingGroup& group : grouping.groups())
      thresholds.push_back(thresholdOf.number(group.name.c_str()));
  }

  double sensitivity() const {
    double squares = 0;
    for (const double c : thresholds) squares += c * c;
    return std::sqrt(squares);
  }
};

/// Compares each trainable tensor of a flat buffer with a field of the step.
double differenceOf(const ReferenceFile& step, const char* field, const ReferenceNetwork& network,
                    std::span<const float> flat) {
  const ReferenceTensors wanted = step.tensors(field);
  double largest = 0;
  for (const std::string& name : network.model().table().trainableNames()) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) step.fail(std::string("\"") + field + "\" has no \"" + name + "\"");
    const auto own = network.tensor(name, flat);
    if (own.size() != found->second.data.size())
      step.fail(std::string("\"") + field + "\" has another shape for \"" + name + "\"");
    const double difference = largestDifference(own, found->second.data);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/// Takes the threshold on with the recorded noise on its count.
void followThreshold(Rule& rule, const ReferenceFile& step, const std::vector<double>& norms,
                     double expectedBatch, ReferenceReport& report) {
  const double threshold = rule.thresholds[0];
  const Index unclipped = std::ranges::count_if(
      norms, [&](double n) { return countsAsUnclipped(rule.adaptive.denominator, n, threshold); });
  const AdaptiveResult result =
      adaptThreshold(rule.adaptive, threshold, unclipped, static_cast<Index>(norms.size()),
                     expectedBatch, step.number("count_noise"));
  if (step.has("unclipped"))
    report.add("unclipped count",
               std::abs(static_cast<double>(unclipped) - step.number("unclipped")), 0, "exact");
  if (step.has("noisy_fraction"))
    report.add("noisy fraction", std::abs(result.noisyFraction - step.number("noisy_fraction")),
               1e-6, "absolute");
  report.add("next threshold", relativeDifference(result.after, step.number("C_next")),
             thresholdTolerance, "relative; the file has it in single precision");
  rule.thresholds[0] = result.after;
}

}  // namespace

void checkTrainingFile(const ReferenceFile& file, ReferenceReport& report) {
  const OptimizerSettings settings = optimizerOf(file);
  ReferenceNetwork network(file);
  const ParameterTable& table = network.model().table();
  Rule rule(file, table.trainableNames());
  const auto optimizer = makeOptimizer(settings);
  const bool mean = file.content().value("loss_reduction", "mean") == "mean";
  const double denominator = mean ? file.number("expected_batch_size") : 1.0;
  const auto extent = static_cast<std::size_t>(table.trainableExtent());

  Index number = 0;
  for (const json& item : file.field("steps")) {
    const ReferenceFile step = file.part(item, "step " + std::to_string(++number));
    const std::vector<Index> rows = step.indices("indices");
    for (const Index row : rows)
      if (row < 0 || row >= network.data().size()) step.fail("\"indices\" leaves the data");
    // A scheduled run records what holds for the step; an adaptive one is followed.
    if (rule.adaptive.enabled)
      report.add("threshold", relativeDifference(rule.thresholds[0], step.number("C")),
                 thresholdTolerance, "relative; the file has it in single precision");
    else if (step.has("C") && step.content()["C"].is_number() && rule.thresholds.size() == 1)
      rule.thresholds[0] = step.number("C");
    if (step.has("lr")) optimizer->setLearningRate(step.number("lr"));
    const double sigma = step.has("noise_multiplier") ? step.number("noise_multiplier")
                                                      : file.number("noise_multiplier");
    const double multiplier =
        rule.adaptive.enabled ? gradientNoiseMultiplier(sigma, rule.adaptive.countStd, 1) : sigma;
    report.add("noise std",
               relativeDifference(multiplier * rule.sensitivity(), step.number("noise_std")),
               rule.adaptive.enabled ? thresholdTolerance : 1e-7,
               "relative; the file has it in single precision");

    // Physical batches: each chunk goes through on its own, and noise comes once.
    std::vector<std::vector<Index>> chunks{rows};
    if (step.has("chunks")) {
      chunks.clear();
      std::vector<Index> joined;
      for (const json& chunk : step.field("chunks")) {
        chunks.push_back(chunk.get<std::vector<Index>>());
        joined.insert(joined.end(), chunks.back().begin(), chunks.back().end());
      }
      if (joined != rows) step.fail("\"chunks\" is no split of \"indices\"");
    }
    AlignedVector<float> sum(extent, 0.0f);
    std::vector<double> norms;
    double loss = 0;
    for (const std::vector<Index>& chunk : chunks) {
      if (chunk.empty()) continue;
      const auto result = network.run(
          chunk,
          [&](std::span<const double> n, std::span<float> f) {
            tensorFactors(n, rule.grouping, rule.thresholds, *rule.strategy, f);
          },
          1);
      for (std::size_t j = 0; j < extent; ++j) sum[j] += result.sums[0][j];
      for (Index i = 0; i < result.norms.examples(); ++i)
        norms.push_back(result.norms.globalNorm(i));
      for (const float value : result.losses) loss += static_cast<double>(value);
    }

    const ReferenceTensor wantedNorms = step.tensor("norms");
    if (wantedNorms.data.size() != norms.size()) step.fail("\"norms\" has another length");
    for (std::size_t i = 0; i < norms.size(); ++i)
      report.add("norms", relativeDifference(norms[i], wantedNorms.data[i]), 2e-5,
                 "relative, grows with the steps");
    if (!rows.empty() && step.content().contains("mean_loss") &&
        step.content()["mean_loss"].is_number())
      report.add(
          "mean loss",
          relativeDifference(loss / static_cast<double>(rows.size()), step.number("mean_loss")),
          2e-5, "relative, grows with the steps");
    report.add("clipped sum", differenceOf(step, "clipped_sum", network, sum), parameterTolerance,
               "absolute");

    if (rule.adaptive.enabled) followThreshold(rule, step, norms, denominator, report);

    const ReferenceTensors noise = step.tensors("noise");
    AlignedVector<float> gradient(extent, 0.0f);
    for (const ParameterId id : table.trainable()) {
      const ParameterInfo& info = table[id];
      const auto found = noise.find(info.name);
      if (found != noise.end() && static_cast<Index>(found->second.data.size()) != info.size())
        step.fail("\"noise\" has another shape for \"" + info.name + "\"");
      for (Index j = 0; j < info.size(); ++j) {
        const auto at = static_cast<std::size_t>(info.offset + j);
        const double z = found == noise.end() ? 0 : found->second.data[static_cast<std::size_t>(j)];
        gradient[at] = static_cast<float>((static_cast<double>(sum[at]) + z) / denominator);
      }
    }
    report.add("private gradient", differenceOf(step, "grad", network, gradient),
               parameterTolerance, "absolute");
    optimizer->step(network.parameters().trainable(), gradient);
    report.add("parameters",
               differenceOf(step, "params", network, network.parameters().trainable()),
               parameterTolerance, "absolute");
  }
}

}  // namespace clipscope
