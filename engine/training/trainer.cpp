// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>

#include "engine/accounting/accountant.h"
#include "engine/data/poisson_sampler.h"
#include "engine/error.h"
#include "engine/model/presets.h"
#include "engine/noise/gaussian_noise.h"
#include "engine/optimizer/optimizer.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/philox.h"
#include "engine/tensor/reduce.h"
#include "engine/tensor/vector_kernels.h"
#include "engine/training/batch_runner.h"
#include "engine/training/diagnostics.h"
#include "engine/training/pool.h"

namespace clipscope {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t indexOf(Phase phase) { return static_cast<std::size_t>(phase); }

/// The pass that a phase is made of; Forward … Clip are passes over the batch.
constexpr Pass passOf(Phase phase) {
  switch (phase) {
    case Phase::Backward:
      return Pass::Backward;
    case Phase::Norms:
      return Pass::Norms;
    case Phase::Clip:
      return Pass::Sums;
    default:
      return Pass::Forward;
  }
}

/// Examples whose clipped gradient is formed in double each step: the largest, and so many at
/// random.
constexpr std::size_t randomWitnesses = 1;

}  // namespace

struct Trainer::State {
  State(Experiment settings, LoadedData loaded)
      : experiment(std::move(settings)), data(std::move(loaded)) {
    experiment.validate();
    if (data.train.empty())
      throw SettingError("data: no training example is left; lower the test share");
    model = makeModel(experiment, *data.data);
    info = makeInfo();
    runner.emplace(model, experiment.run.threads);
    witnesses.assign(runner->workers(), Witness(model->sharedTable()));
    clippedSum.resize(extent());
    unclippedSum.resize(extent());
    noise.resize(extent());
    gradient.resize(extent());
    restart();
  }

  std::size_t extent() const { return static_cast<std::size_t>(model->table().trainableExtent()); }

  std::shared_ptr<const RunInfo> makeInfo() const {
    auto made = std::make_shared<RunInfo>();
    const ParameterTable& table = model->table();
    for (Index t = 0; t < table.trainableCount(); ++t) {
      const ParameterInfo& tensor = table.trainableInfo(t);
      made->tensors.push_back(tensor.name);
      made->layers.push_back(tensor.layer);
      made->sizes.push_back(tensor.size());
      made->shapes.push_back(tensor.shape);
    }
    made->dimension = table.dimension();
    made->datasetSize = static_cast<Index>(data.train.size());
    made->classNames = data.data->classNames();
    return made;
  }

  void restart() {
    auto fresh = std::make_shared<Parameters>(model->sharedTable());
    fresh->initialise(experiment.run.seed);
    parameters = fresh;
    done = 0;
    medians.clear();
    accountant = makeAccountant(experiment.privacy.accountant);
    optimizer = makeOptimizer(experiment.optimizer);
    readSettings();
    current = std::make_shared<StepRecord>();
    current->info = info;
    stepParameters.reset();
  }

  /// What of the experiment holds for the steps to come.
  void readSettings() {
    const ClippingSettings& clipping = experiment.clipping;
    grouping = makeGrouping(clipping.grouping, info->tensors, clipping.groups);
    strategy = makeStrategy(clipping.strategy, clipping.strategySettings);
    groupDimensions.assign(grouping.groups().size(), 0);
    for (std::size_t k = 0; k < grouping.groups().size(); ++k)
      for (const Index tensor : grouping.groups()[k].tensors)
        groupDimensions[k] += info->sizes[static_cast<std::size_t>(tensor)];
    const double n = static_cast<double>(data.train.size());
    const SamplingSettings& sampling = experiment.sampling;
    if (sampling.sampleRate <= 0 && sampling.expectedBatchSize > n)
      throw SettingError("sampling.expected_batch_size: " +
                         std::to_string(sampling.expectedBatchSize) + " is more than the " +
                         std::to_string(data.train.size()) + " training examples; lower it");
    sampleRate = sampling.sampleRate > 0 ? sampling.sampleRate : sampling.expectedBatchSize / n;
    expectedBatch = sampling.sampleRate > 0 ? sampling.sampleRate * n : sampling.expectedBatchSize;
  }

  /// Thresholds are fixed before the step sees its batch: the rule "median" uses the step before.
  std::vector<double> thresholdsForStep() const {
    const ClippingSettings& clipping = experiment.clipping;
    return makeThresholds(clipping.thresholds, clipping.maxGradNorm, grouping, groupDimensions,
                          medians, clipping.groupThresholds);
  }

  // The phases. Each fills its part of a copy of the record.
  void beginStep(StepRecord& next);
  void runPasses(StepRecord& next, Phase first, Phase last, std::stop_token stop);
  void finishForward(StepRecord& next) const;
  void finishNorms(StepRecord& next) const;
  void finishClip(StepRecord& next);
  void startWitnesses(const StepRecord& next);
  void bearWitness(const BlockCache& cache, Index firstRow, std::span<const float> factors,
                   std::size_t worker);
  void judgeWitnesses(ClipPart& part) const;
  void addNoise(StepRecord& next);
  void update(StepRecord& next);
  void account(StepRecord& next);
  void rememberMedians(const ClipPart& part);
  DrawKey drawKey(DrawPurpose purpose, std::uint32_t block = 0) const {
    return {experiment.run.seed, purpose, static_cast<std::uint64_t>(done), block};
  }

  Experiment experiment;
  LoadedData data;
  std::shared_ptr<const Model> model;
  std::shared_ptr<const RunInfo> info;
  std::shared_ptr<const Parameters> parameters;  ///< as they are now
  std::shared_ptr<const Parameters> stepParameters;  ///< as they were when the step began
  PreparedParameters prepared;
  std::optional<BatchRunner> runner;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<Accountant> accountant;
  Index done = 0;

  Grouping grouping;
  std::shared_ptr<const ClipStrategy> strategy;
  std::vector<Index> groupDimensions;
  std::vector<double> medians;  ///< of n_ik by group, from the last non-empty step
  double sampleRate = 0;
  double expectedBatch = 0;

  // The step under way.
  DrawKey stepKey;
  std::vector<double> thresholds;
  std::vector<double> stds;
  bool wantUnclipped = true;
  double stepSigma = 0;
  std::vector<double> squaredNorms;
  AlignedVector<float> clippedSum, unclippedSum, noise, gradient;
  std::shared_ptr<ForwardPart> forwardPart;
  std::shared_ptr<NormsPart> normsPart;
  std::shared_ptr<ClipPart> clipPart;
  std::shared_ptr<StepRecord> current;

  /// A worker's search for the largest clipped gradient, formed in double inside the very block that
  /// is summed.
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
  Pool<StepRecord> records;
  Pool<Parameters> parameterPool;
};

std::shared_ptr<const Model> makeModel(const Experiment& experiment, const Dataset& data) {
  const nlohmann::json spec =
      experiment.model.preset.empty()
          ? experiment.model.spec
          : presetSpec(experiment.model.preset, data.shape(), data.outputs(),
                       !data.isClassification());
  auto model = Model::fromSpec(spec, data.shape(), experiment.sampling.physicalBatchSize);
  if (model->loss().isClassification() != data.isClassification())
    throw SpecError("model.loss: " + std::string(model->loss().name()) + " does not fit the data, " +
                    (data.isClassification() ? "which has classes; use cross_entropy"
                                             : "which has real targets; use mse"));
  model->loss().check(model->outputShape(), data.outputs());
  return model;
}

void Trainer::State::beginStep(StepRecord& next) {
  stepParameters = parameters;
  model->prepare(*stepParameters, prepared);
  thresholds = thresholdsForStep();
  stds = groupNoiseStds(experiment.noise.allocation, experiment.noise.noiseMultiplier, thresholds,
                        groupDimensions);
  wantUnclipped = experiment.run.unclippedSum;

  auto part = samples.take();
  poissonSample(data.train, sampleRate, drawKey(DrawPurpose::Sample), part->examples);
  part->labels.clear();
  for (const Index example : part->examples)
    part->labels.push_back(data.data->isClassification() ? data.data->label(example) : -1);
  part->expectedBatchSize = expectedBatch;
  part->sampleRate = sampleRate;
  next.step = done + 1;
  next.sample = std::move(part);
  stepKey = drawKey(DrawPurpose::Dropout);

  const auto batch = static_cast<std::size_t>(next.batchSize());
  forwardPart = forwards.take();
  forwardPart->losses.resize(batch);
  forwardPart->predictions.resize(batch);
  normsPart = normTables.take();
  normsPart->norms.resize(next.batchSize(), model->table().trainableCount());
  squaredNorms.resize(batch * info->tensors.size());
  clipPart = clips.take();
}

void Trainer::State::runPasses(StepRecord& next, Phase first, Phase last, std::stop_token stop) {
  const std::size_t tensors = info->tensors.size();
  BatchTask task;
  task.parameters = &prepared;
  task.data = data.data.get();
  task.examples = next.sample->examples;
  task.key = drawKey(DrawPurpose::Dropout);
  task.losses = forwardPart->losses;
  task.predictions = forwardPart->predictions;
  task.squaredNorms = squaredNorms;
  task.norms = normsPart->norms.values();
  task.strategies = wantUnclipped ? 2 : 1;
  task.factorRule = [&](std::span<const double> norms, std::span<float> factors) {
    tensorFactors(norms, grouping, thresholds, *strategy, factors.first(tensors));
    if (wantUnclipped) std::fill_n(factors.begin() + static_cast<std::ptrdiff_t>(tensors), tensors, 1.0f);
  };

  if (last == Phase::Clip) {
    startWitnesses(next);
    task.witness = [this](const BlockCache& cache, Index firstRow, std::span<const float> factors,
                          std::size_t worker) { bearWitness(cache, firstRow, factors, worker); };
  }
  if (first == Phase::Forward) {
    const bool whole = last == Phase::Clip;
    next.keptBytes = runner->keptBytes(next.batchSize());
    next.kept = !whole && next.keptBytes <= (experiment.run.memoryBudgetMiB << 20);
    runner->begin(next.batchSize(), next.kept);
  }
  next.joined = next.joined || first != last;
  const auto seconds = runner->run(passOf(first), passOf(last), task, stop);
  for (Phase phase : allPhases) {
    if (phase < first || phase > last) continue;
    double total = 0;
    // Without kept caches a phase pays for the passes before it as well.
    for (int p = 0; p < passCount; ++p)
      if (p == static_cast<int>(passOf(phase)) || (phase == first && p < static_cast<int>(passOf(phase))))
        total += seconds[static_cast<std::size_t>(p)];
    next.seconds[indexOf(phase)] = total;
  }
}

void Trainer::State::finishForward(StepRecord& next) const {
  double total = 0;
  for (const float loss : forwardPart->losses) total += static_cast<double>(loss);
  forwardPart->meanLoss = forwardPart->losses.empty()
                              ? notANumber
                              : total / static_cast<double>(forwardPart->losses.size());
  next.forward = forwardPart;
}

void Trainer::State::finishNorms(StepRecord& next) const {
  summariseNorms(*normsPart);
  next.norms = normsPart;
}

void Trainer::State::finishClip(StepRecord& next) {
  ClipPart& part = *clipPart;
  const Index batch = next.batchSize();
  part.strategy = std::string(strategy->name());
  computeFactors(normsPart->norms, grouping, thresholds, *strategy, part.factors);
  part.groupOf.assign(info->tensors.size(), 0);
  part.groups.resize(grouping.groups().size());
  double squares = 0;
  for (std::size_t k = 0; k < part.groups.size(); ++k) {
    GroupResult& group = part.groups[k];
    group.name = grouping.groups()[k].name;
    group.tensors = grouping.groups()[k].tensors;
    group.threshold = thresholds[k];
    squares += thresholds[k] * thresholds[k];
    for (const Index tensor : group.tensors)
      part.groupOf[static_cast<std::size_t>(tensor)] = static_cast<Index>(k);
    group.clippedFraction = batch == 0 || strategy->isAutomatic()
                                ? notANumber
                                : part.factors.groupClippedFraction(static_cast<Index>(k));
  }
  part.maxGradNorm = std::sqrt(squares);
  const bool empty = batch == 0;
  part.clippedFraction =
      empty || strategy->isAutomatic() ? notANumber : part.factors.clippedFraction();
  part.aboveOneFraction =
      empty || !strategy->isAutomatic() ? notANumber : part.factors.aboveOneFraction();

  double before = 0, after = 0;
  for (Index i = 0; i < batch; ++i) {
    if (!part.factors.finite(i)) continue;
    before += normsPart->global[static_cast<std::size_t>(i)];
    after += part.factors.clippedNorm(i);
  }
  part.retainedNorm = before > 0 ? after / before : notANumber;

  if (empty) {
    std::fill(clippedSum.begin(), clippedSum.end(), 0.0f);
    std::fill(unclippedSum.begin(), unclippedSum.end(), 0.0f);
  } else {
    runner->sum(0, clippedSum);
    if (wantUnclipped) runner->sum(1, unclippedSum);
  }
  std::span<const float> unclipped;
  if (wantUnclipped && !empty) unclipped = unclippedSum;
  summariseSums(model->table(), clippedSum, unclipped, part);

  double sensitivity = 0;
  for (const double threshold : thresholds) {
    const double group = strategy->sensitivity(threshold);
    sensitivity += group * group;
  }
  part.sensitivity = std::sqrt(sensitivity);
  judgeWitnesses(part);
  part.suggestedThreshold = suggestThreshold(normsPart->global, experiment.noise.noiseMultiplier,
                                             info->dimension, expectedBatch);
  next.clip = clipPart;
}

void Trainer::State::startWitnesses(const StepRecord& next) {
  RandomStream stream(drawKey(DrawPurpose::Diagnose));
  for (Index& row : randomRows)
    row = next.batchSize() == 0
              ? -1
              : static_cast<Index>(stream.below(static_cast<std::uint64_t>(next.batchSize())));
  for (Witness& witness : witnesses) {
    witness.largest = -1;
    witness.contribution = notANumber;
    witness.row = -1;
  }
}

void Trainer::State::bearWitness(const BlockCache& cache, Index firstRow,
                                 std::span<const float> factors, std::size_t worker) {
  Witness& witness = witnesses[worker];
  const std::size_t tensors = info->tensors.size();
  const std::size_t width = factors.size() / static_cast<std::size_t>(cache.rows);
  // The row of this block that claims the most, where it claims more than the blocks before, and the
  // random ones.
  Index largestRow = -1;
  for (Index i = 0; i < cache.rows; ++i) {
    double claim = 0;
    for (std::size_t p = 0; p < tensors; ++p) {
      const double f = static_cast<double>(factors[static_cast<std::size_t>(i) * width + p]);
      if (f == 0) continue;  // a row that is not finite has factors 0
      const double n = normsPart->norms.at(firstRow + i, static_cast<Index>(p));
      claim += f * f * n * n;
    }
    // Claims that clipping made equal differ by rounding; one of them will do.
    if (claim <= witness.largest * (1 + 1e-6)) continue;
    witness.largest = claim;
    largestRow = i;
  }
  for (Index i = 0; i < cache.rows; ++i) {
    const Index row = firstRow + i;
    if (i != largestRow && std::ranges::count(randomRows, row) == 0) continue;
    if (!std::isfinite(normsPart->norms.globalNorm(row))) continue;
    model->formedSquaredNorms(cache, i, witness.gradient, witness.squares);
    double total = 0;
    for (std::size_t p = 0; p < tensors; ++p) {
      const double f = static_cast<double>(factors[static_cast<std::size_t>(i) * width + p]);
      total += f * f * witness.squares[p];
    }
    const double contribution = std::sqrt(total);
    if (contribution <= witness.contribution) continue;  // true for none when it is still NaN
    witness.contribution = contribution;
    witness.row = row;
  }
}

void Trainer::State::judgeWitnesses(ClipPart& part) const {
  part.worstContribution = notANumber;
  part.worstExample = -1;
  for (const Witness& witness : witnesses) {
    if (witness.row < 0 || witness.contribution <= part.worstContribution) continue;
    part.worstContribution = witness.contribution;
    part.worstExample = witness.row;
  }
  part.sensitivityExceeded = part.worstContribution > part.sensitivity * (1 + 1e-5);
}

void Trainer::State::addNoise(StepRecord& next) {
  auto part = noises.take();
  const ParameterTable& table = model->table();
  const std::size_t tensors = info->tensors.size();
  part->tensorStd.resize(tensors);
  part->tensorExpected.resize(tensors);
  part->tensorRealised.resize(tensors);
  part->histogram.clear();
  double expected = 0, realised = 0;
  for (std::size_t t = 0; t < tensors; ++t) {
    const ParameterInfo& tensor = table.trainableInfo(static_cast<Index>(t));
    const auto group = static_cast<std::size_t>(clipPart->groupOf[t]);
    const double std = stds[group];
    const std::span<float> z(noise.data() + tensor.offset, static_cast<std::size_t>(tensor.size()));
    part->tensorStd[t] = std;
    part->tensorExpected[t] = std * std::sqrt(static_cast<double>(tensor.size()));
    if (std > 0) {
      // Drawn, counted, scaled and measured chunk by chunk, while a chunk is in the cache.
      const DrawKey key = drawKey(DrawPurpose::Noise, static_cast<std::uint32_t>(t));
      std::mutex counting;
      const auto squares = reduceChunks<1>(tensor.size(), [&](Index from, Index to) {
        const auto chunk = z.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
        fillNormals(key, static_cast<std::uint64_t>(from), chunk);
        NoiseHistogram counts;
        counts.add(chunk);
        scaled(static_cast<float>(std), chunk.data(), chunk.data(), to - from);
        const std::lock_guard lock(counting);
        part->histogram.add(counts);
        return std::array{sumSquares(chunk.data(), to - from)};
      });
      part->tensorRealised[t] = std::sqrt(squares[0]);
    } else {
      std::fill(z.begin(), z.end(), 0.0f);
      part->tensorRealised[t] = 0;
    }
    expected += part->tensorExpected[t] * part->tensorExpected[t];
    realised += part->tensorRealised[t] * part->tensorRealised[t];
  }
  part->expected = std::sqrt(expected);
  part->realised = std::sqrt(realised);
  part->std = part->expected / std::sqrt(static_cast<double>(info->dimension));
  const double infinity = std::numeric_limits<double>::infinity();
  const auto ratio = [&](double noiseNorm) {
    if (noiseNorm > 0) return clipPart->signal / noiseNorm;
    return clipPart->signal > 0 ? infinity : notANumber;
  };
  part->snr = ratio(part->expected);
  part->snrRealised = ratio(part->realised);
  std::vector<double> sensitivities;
  for (const double threshold : thresholds)
    sensitivities.push_back(strategy->sensitivity(threshold));
  part->effectiveSigma = effectiveSigma(sensitivities, stds);
  stepSigma = part->effectiveSigma;
  // An allocation spends exactly σ; rounding in its check must not reach the accountant.
  const double asked = experiment.noise.noiseMultiplier;
  if (std::abs(stepSigma - asked) <= 1e-9 * asked) stepSigma = asked;
  next.noise = std::move(part);
}

void Trainer::State::update(StepRecord& next) {
  auto part = updates.take();
  const float inverse = static_cast<float>(1.0 / expectedBatch);
  auto updated = parameterPool.take([&] { return std::make_shared<Parameters>(model->sharedTable()); });
  const auto extentOf = static_cast<Index>(gradient.size());
  const std::span<const float> before = stepParameters->trainable();
  const std::span<float> after = updated->trainable();
  std::ranges::copy(stepParameters->flat().subspan(before.size()),
                    updated->flat().begin() + extentOf);
  optimizer->beginStep(gradient.size());
  const auto sums = reduceChunks<2>(extentOf, [&](Index from, Index to) {
    scaledSum(inverse, clippedSum.data() + from, noise.data() + from, gradient.data() + from, to - from);
    std::copy(before.begin() + from, before.begin() + to, after.begin() + from);
    optimizer->stepRange(after, gradient, from, to);
    const PairSums chunk = pairSums(after.data() + from, before.data() + from, to - from);
    return std::array{chunk.xx, chunk.distance};
  });
  part->learningRate = optimizer->learningRate();
  part->updateNoise = part->learningRate * next.noise->std / expectedBatch;
  part->parameterNorm = std::sqrt(sums[0]);
  part->updateNorm = std::sqrt(sums[1]);
  parameters = std::move(updated);
  next.update = std::move(part);
}

void Trainer::State::account(StepRecord& next) {
  auto part = accounts.take();
  accountant->add(stepSigma, sampleRate, 1);
  part->delta = experiment.privacy.delta;
  part->epsilon = accountant->epsilon(experiment.privacy.delta);
  part->accountant = experiment.privacy.accountant;
  next.account = std::move(part);
  rememberMedians(*clipPart);
  ++done;
}

void Trainer::State::rememberMedians(const ClipPart& part) {
  if (part.factors.examples() == 0) return;
  std::vector<double> column;
  medians.assign(part.groups.size(), 0.0);
  for (std::size_t k = 0; k < part.groups.size(); ++k) {
    column.clear();
    for (Index i = 0; i < part.factors.examples(); ++i)
      if (part.factors.finite(i)) column.push_back(part.factors.groupNorm(i, static_cast<Index>(k)));
    std::sort(column.begin(), column.end());
    medians[k] = column.empty() ? 0.0 : quantile(column, 0.5);
  }
}

Trainer::Trainer(Experiment experiment, LoadedData data)
    : m_state(std::make_unique<State>(std::move(experiment), std::move(data))) {}

Trainer::~Trainer() = default;

std::shared_ptr<const StepRecord> Trainer::advanceTo(Phase target, std::stop_token stop) {
  State& s = *m_state;
  const auto completed = s.current->completed;
  const bool fresh = !completed || *completed == Phase::Account;
  auto next = s.records.take();
  if (fresh) {
    *next = StepRecord{};
    next->info = s.info;
  } else {
    *next = *s.current;
  }
  Phase phase = fresh ? Phase::Sample : static_cast<Phase>(static_cast<int>(*completed) + 1);
  if (!fresh && target <= *completed) target = Phase::Account;

  const auto timed = [&](Phase which, auto&& body) {
    const auto start = Clock::now();
    body();
    next->seconds[indexOf(which)] += std::chrono::duration<double>(Clock::now() - start).count();
  };

  if (stop.stop_requested()) throw Cancelled();
  while (phase <= target) {
    Phase last = phase;
    switch (phase) {
      case Phase::Sample:
        timed(Phase::Sample, [&] { s.beginStep(*next); });
        break;
      case Phase::Forward:
      case Phase::Backward:
      case Phase::Norms:
      case Phase::Clip:
        last = std::min(target, Phase::Clip);
        try {
          s.runPasses(*next, phase, last, stop);
        } catch (...) {
          // The phases that this call completed before the stop stay done.
          if (next->completed) s.current = next;
          throw;
        }
        if (phase == Phase::Forward) timed(Phase::Forward, [&] { s.finishForward(*next); });
        if (phase <= Phase::Norms && last >= Phase::Norms)
          timed(Phase::Norms, [&] { s.finishNorms(*next); });
        if (last == Phase::Clip) timed(Phase::Clip, [&] { s.finishClip(*next); });
        break;
      case Phase::Noise:
        timed(Phase::Noise, [&] { s.addNoise(*next); });
        break;
      case Phase::Update:
        timed(Phase::Update, [&] { s.update(*next); });
        break;
      case Phase::Account:
        timed(Phase::Account, [&] { s.account(*next); });
        break;
    }
    next->completed = last;
    if (last == Phase::Account) break;
    phase = static_cast<Phase>(static_cast<int>(last) + 1);
  }
  s.current = next;
  return next;
}

std::shared_ptr<const StepRecord> Trainer::evaluate(std::stop_token stop) {
  State& s = *m_state;
  auto part = std::make_shared<EvaluationPart>();
  const std::vector<Index>& test = s.data.test;
  part->examples = static_cast<Index>(test.size());
  if (!test.empty()) {
    PreparedParameters prepared;
    s.model->prepare(*s.parameters, prepared);
    std::vector<float> losses(test.size());
    std::vector<int> predictions(test.size());
    BatchTask task;
    task.parameters = &prepared;
    task.data = s.data.data.get();
    task.examples = test;
    task.losses = losses;
    task.predictions = predictions;
    BatchRunner(s.model, s.experiment.run.threads).evaluate(task, stop);
    double loss = 0;
    Index right = 0;
    for (std::size_t i = 0; i < test.size(); ++i) {
      loss += static_cast<double>(losses[i]) / static_cast<double>(test.size());
      if (s.data.data->isClassification()) right += predictions[i] == s.data.data->label(test[i]);
    }
    part->loss = loss;
    if (s.data.data->isClassification())
      part->accuracy = static_cast<double>(right) / static_cast<double>(test.size());
  }
  if (s.current->completed == Phase::Account || s.done == 0) {
    auto next = s.records.take();
    *next = *s.current;
    next->evaluation = std::move(part);
    s.current = next;
  }
  return s.current;
}

bool Trainer::evaluationDue() const {
  const Index every = m_state->experiment.run.evaluateEvery;
  return every > 0 && !m_state->data.test.empty() &&
         m_state->current->completed == Phase::Account && m_state->done % every == 0;
}

std::shared_ptr<const StepRecord> Trainer::record() const { return m_state->current; }
Index Trainer::stepsDone() const { return m_state->done; }
std::shared_ptr<const BatchProbe> Trainer::probe() const {
  const State& s = *m_state;
  if (!s.current->sample || !s.stepParameters) return nullptr;
  return std::make_shared<BatchProbe>(s.model, s.stepParameters, s.data.data,
                                      s.current->sample->examples, s.stepKey);
}
const Experiment& Trainer::experiment() const { return m_state->experiment; }

void Trainer::apply(const Experiment& experiment) {
  State& s = *m_state;
  experiment.validate();
  if (needsRestart(s.experiment, experiment))
    throw SettingError("this change needs a restart of the run: data, model, physical batch, seed and threads hold for a whole run");
  const Experiment before = s.experiment;
  s.experiment = experiment;
  try {
    s.readSettings();
    if (!(before.optimizer == experiment.optimizer)) {
      // Momentum survives a change of rates; another kind of optimiser starts afresh.
      auto replacement = makeOptimizer(experiment.optimizer);
      if (replacement->name() == s.optimizer->name()) replacement->setState(s.optimizer->state());
      s.optimizer = std::move(replacement);
    }
    if (before.privacy.accountant != experiment.privacy.accountant) {
      auto replacement = makeAccountant(experiment.privacy.accountant);
      for (const auto& entry : s.accountant->history())
        replacement->add(entry.sigma, entry.sampleRate, entry.steps);
      s.accountant = std::move(replacement);
    }
  } catch (...) {
    s.experiment = before;
    s.readSettings();
    throw;
  }
}

void Trainer::reset() { m_state->restart(); }
const Model& Trainer::model() const { return *m_state->model; }
std::shared_ptr<const Model> Trainer::sharedModel() const { return m_state->model; }
const LoadedData& Trainer::data() const { return m_state->data; }
const Parameters& Trainer::parameters() const { return *m_state->parameters; }

void Trainer::setParameters(const Parameters& parameters) {
  m_state->parameters = std::make_shared<Parameters>(parameters);
}

}  // namespace clipscope
