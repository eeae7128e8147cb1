// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/optimizer/optimizer.h"
#include "engine/training/batch_runner.h"
#include "engine/training/pool.h"
#include "engine/training/release_pass.h"
#include "engine/training/trainer.h"
#include "engine/training/trainer_checkpoint.h"

namespace clipscope {

/// An experiment as a step follows it: what of it depends on the model and the data is worked out.
/// Immutable: a change makes a new one, which holds from the next step on.
struct StepRules {
  /// Throws SettingError where the experiment does not fit.
  StepRules(Experiment experiment, const RunInfo& info);

  Experiment experiment;
  Grouping grouping;
  std::shared_ptr<const ClipStrategy> strategy;
  std::vector<Index> groupDimensions;  ///< d_k
  double sampleRate = 0;               ///< q
  double expectedBatch = 0;            ///< B
  Index batchSize = 0;                 ///< of the schemes with a fixed size; 0 for Poisson
  Index batchesPerEpoch = 0;           ///< of Shuffled; 0 for the others
};

/// Examples whose clipped gradient is formed in double each step besides the largest: so many,
/// drawn at random.
inline constexpr std::size_t randomWitnesses = 1;

/// What a Trainer owns, and the phases of a step; trainer.cpp puts them in order. What a step
/// leaves to the next is in RunningState, for checkpoints.
struct Trainer::State : RunningState {
  State(Experiment settings, LoadedData loaded);

  void restart();
  /// Takes over the rules that were set since the last step began.
  void adoptRules();
  std::size_t extent() const { return static_cast<std::size_t>(model->table().trainableExtent()); }

  // The phases. Each fills its part of a copy of the record.
  void beginStep(StepRecord& next);
  void drawBatch(SamplePart& part);
  void runPasses(StepRecord& next, Phase first, Phase last, std::stop_token stop);
  /// Adds what the layers took of the passes first … last to the record's times.
  void addLayerTimes(StepRecord& next, Phase first, Phase last);
  void finishForward(StepRecord& next) const;
  void finishNorms(StepRecord& next) const;
  void finishClip(StepRecord& next);
  void startWitnesses(const StepRecord& next);
  void bearWitness(const BlockCache& cache, Index firstRow, std::span<const float> factors,
                   std::size_t worker);
  void judgeWitnesses(ClipPart& part) const;
  /// Noise, update, or both in one go: a range of weights is then drawn noise for, and moved, while
  /// it is in the cache. Adds the phases' times. The bits are the same both ways.
  void release(StepRecord& next, bool draws, bool updates);
  std::shared_ptr<NoisePart> startNoise();
  void finishNoise(StepRecord& next, std::shared_ptr<NoisePart> part);
  std::shared_ptr<Parameters> startUpdate();
  void finishUpdate(StepRecord& next, std::shared_ptr<Parameters> updated);
  /// A standard normal for the count of a group.
  double countNoise(std::uint32_t group) const;
  void adaptThresholds(NoisePart& part, const StepRecord& next) const;
  void account(StepRecord& next);
  void charge();
  void rememberMedians(const ClipPart& part);
  DrawKey drawKey(DrawPurpose purpose, std::uint32_t block = 0) const {
    return {rules->experiment.run.seed, purpose, static_cast<std::uint64_t>(done), block};
  }

  LoadedData data;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const RunInfo> info;
  std::shared_ptr<const StepRules> nextRules;        ///< of the next step
  std::shared_ptr<const Parameters> stepParameters;  ///< as they were when the step began
  PreparedParameters prepared;
  std::optional<BatchRunner> runner;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Accountant> accountant;
  std::vector<Index> order;  ///< of the epoch that was last drawn from
  Index orderEpoch = -1;

  // The step under way.
  DrawKey stepKey;
  std::shared_ptr<const SecureKey> secret;  ///< of this step, in secure mode; else null
  std::vector<double> thresholds;
  std::vector<double> stds;
  bool wantUnclipped = true;
  double askedSigma = 0;     ///< σ of the step, as its schedule has it
  double gradientSigma = 0;  ///< z: what is left of it for the gradients
  double stepSigma = 0;      ///< what the mechanism has, and the account is charged
  std::vector<double> squaredNorms;
  std::vector<double> scratch;        ///< of whatever phase runs
  std::span<const float> clippedSum;  ///< the runner's; Σ f g
  AlignedVector<float> noise;  ///< drawn, where the phase stands alone; else it is never stored
  ReleasePass releasePass;
  std::shared_ptr<ForwardPart> forwardPart;
  std::shared_ptr<NormsPart> normsPart;
  std::shared_ptr<ClipPart> clipPart;
  std::shared_ptr<StepRecord> current;

  /// A worker's search for the largest clipped gradient, formed in double inside the very block
  /// that is summed.
  struct Witness {
    explicit Witness(std::shared_ptr<const ParameterTable> table)
        : squares(static_cast<std::size_t>(table->trainableCount())), gradient(std::move(table)) {}
    double largest = -1;  ///< of ‖clipped g‖² as norms and factors have it
    double contribution = notANumber;
    Index row = -1;
    std::vector<double> squares;
    GradientSet gradient;
  };
  std::vector<Witness> witnesses;  ///< one a worker
  std::array<Index, randomWitnesses> randomRows{};

  Pool<SamplePart> samples;
  Pool<ForwardPart> forwards;
  Pool<NormsPart> normTables;
  Pool<ClipPart> clips;
  Pool<NoisePart> noises;
  Pool<UpdatePart> updates;
  Pool<AccountPart> accounts;
  Pool<TimesPart> timeParts;
  Pool<StepRecord> records;
  Pool<Parameters> parameterPool;
};

}  // namespace clipscope
