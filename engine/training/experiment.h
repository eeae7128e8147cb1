// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/clipping/adaptive_threshold.h"
#include "engine/clipping/grouping.h"
#include "engine/clipping/strategy.h"
#include "engine/clipping/thresholds.h"
#include "engine/data/dataset_loader.h"
#include "engine/noise/allocation.h"
#include "engine/optimizer/optimizer.h"
#include "engine/tensor/shape.h"
#include "engine/training/schedule.h"

namespace clipscope {

/// Which network: a preset by name, or layers of one's own (model/model_spec.h says the format).
struct ModelSettings {
  std::string preset = "mnist-cnn";  ///< "" when `spec` is used
  nlohmann::json spec;  ///< {"layers": […], "loss": "cross_entropy"}; null with a preset

  friend bool operator==(const ModelSettings&, const ModelSettings&) = default;
};

/// methods.md "Groupings" and "Clip factors".
struct ClippingSettings {
  GroupingKind grouping = GroupingKind::Flat;
  std::string strategy = "threshold";
  double maxGradNorm = 1.0;  ///< C > 0; with several groups C = √Σ C_k²
  ThresholdRule thresholds = ThresholdRule::Equal;
  /// Custom groups: name → parameter tensors; a partition of the trainable ones.
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  /// C_k by group name, for ThresholdRule::Custom.
  std::map<std::string, double> groupThresholds;
  StrategySettings strategySettings;  ///< κ, γ, r, Z
  AdaptiveSettings adaptive;          ///< C follows the norms

  friend bool operator==(const ClippingSettings&, const ClippingSettings&) = default;
};

struct NoiseSettings {
  double noiseMultiplier = 1.1;  ///< σ ≥ 0; 0 switches noise off and ε reads ∞
  NoiseAllocation allocation = NoiseAllocation::Global;

  friend bool operator==(const NoiseSettings&, const NoiseSettings&) = default;
};

/// How a step's batch comes about.
enum class SamplingScheme {
  Poisson,   ///< each example with probability q, independently; sizes vary
  Shuffled,  ///< disjoint batches of exactly B in a fresh order each epoch; what is left over at
             ///< the end of an epoch sits it out
  Fixed,     ///< the same B examples each step; all of them for B = N
};

/// "poisson", "shuffled", "fixed".
std::string_view samplingSchemeName(SamplingScheme scheme);
/// Throws SettingError naming `setting` and the choices.
SamplingScheme parseSamplingScheme(const std::string& text, const std::string& setting);

/// One of the two numbers is given and the other follows from the number of training examples N: B
/// = qN. Batches of a fixed size have B rounded to a whole number.
struct SamplingSettings {
  double expectedBatchSize = 256;  ///< B > 0, used when sampleRate is 0
  double sampleRate = 0;           ///< q in (0, 1], or 0: B decides
  Index physicalBatchSize = 0;     ///< upper bound of a block; 0: the model's choice
  SamplingScheme scheme = SamplingScheme::Poisson;

  friend bool operator==(const SamplingSettings&, const SamplingSettings&) = default;
};

struct PrivacySettings {
  double delta = 1e-5;  ///< in (0, 1)
  std::string accountant = "rdp-opacus";

  friend bool operator==(const PrivacySettings&, const PrivacySettings&) = default;
};

struct RunSettings {
  std::uint64_t seed = 1;
  Index steps = 200;         ///< of a headless run; the window runs until it is paused
  int threads = 0;           ///< 0: all cores
  Index evaluateEvery = 10;  ///< test accuracy every so many steps; 0: never
  /// Norms of all training examples at step 1 and every so many after it, for ε of single examples
  /// (NormRefresh); 0: never.
  Index refreshNormsEvery = 0;
  /// Sampling, noise and count noise from a cryptographic generator with fresh keys that are kept
  /// nowhere (SecureStream): the run cannot be replayed. Weights and dropout stay seeded.
  bool secureMode = false;
  bool unclippedSum = true;      ///< form Σ g_i as well, for bias and cosine
  Index memoryBudgetMiB = 4096;  ///< for keeping a batch's activations while stepping by phase

  friend bool operator==(const RunSettings&, const RunSettings&) = default;
};

/// Every setting of a run. The window edits one, the command line builds one, a file holds one; a
/// Trainer is made from one. Two equal experiments give the same bits (same machine and threads).
struct Experiment {
  DataSettings data;
  ModelSettings model;
  ClippingSettings clipping;
  NoiseSettings noise;
  OptimizerSettings optimizer;
  SamplingSettings sampling;
  PrivacySettings privacy;
  RunSettings run;
  ScheduleSettings schedules;

  /// Throws SettingError "clipping.max_grad_norm: …" for the first value outside its range.
  void validate() const;

  /// σ, C and η of the step after `done` completed ones: the setting, as its schedule has it, held
  /// within its range. C is where an adaptive threshold starts.
  double noiseMultiplierAt(Index done) const;
  double maxGradNormAt(Index done) const;
  double learningRateAt(Index done) const;

  friend bool operator==(const Experiment&, const Experiment&) = default;
};

/// The experiment as JSON, every field written; the keys are the field names of methods.md.
nlohmann::json toJson(const Experiment& experiment);

/// Reads and validates. A missing key keeps its default; an unknown key, a wrong type or a value
/// out of range is a SettingError that begins with the key's path and lists what is allowed.
Experiment experimentFromJson(const nlohmann::json& json);

/// From and to a file. Reading adds the file's name, and line and column where the JSON is broken.
/// A relative data path in a file is taken relative to the file's folder. Writing goes to a
/// temporary name and is renamed.
Experiment loadExperiment(const std::filesystem::path& path);
void saveExperiment(const Experiment& experiment, const std::filesystem::path& path);

/// True when `after` cannot continue a run of `before`: other data, model, seed or threads.
bool needsRestart(const Experiment& before, const Experiment& after);

}  // namespace clipscope
