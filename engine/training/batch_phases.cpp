// SPDX-License-Identifier: GPL-3.0-or-later
// The phases Sample to Clip: what needs the batch.
#include <algorithm>
#include <cmath>

#include "engine/data/poisson_sampler.h"
#include "engine/data/shuffled_sampler.h"
#include "engine/tensor/philox.h"
#include "engine/training/diagnostics.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

namespace {

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

}  // namespace

void Trainer::State::beginStep(StepRecord& next) {
  adoptRules();
  const Experiment& experiment = rules->experiment;
  const ClippingSettings& clipping = experiment.clipping;
  askedSigma = gradientSigma = experiment.noiseMultiplierAt(done);
  if (clipping.adaptive.enabled)
    gradientSigma =
        gradientNoiseMultiplier(askedSigma, clipping.adaptive.countStd, rules->grouping.count());
  // Fixed before the step sees its batch: the rule "median" and an adaptive threshold use the step
  // before.
  if (clipping.adaptive.enabled && !carried.thresholds.empty())
    thresholds = carried.thresholds;
  else
    makeThresholds(clipping.thresholds, experiment.maxGradNormAt(done), rules->grouping,
                   rules->groupDimensions, medians, clipping.groupThresholds, thresholds);
  groupNoiseStds(experiment.noise.allocation, gradientSigma, thresholds, rules->groupDimensions,
                 stds);
  wantUnclipped = experiment.run.unclippedSum;
  secret = experiment.run.secureMode ? std::make_shared<const SecureKey>() : nullptr;
  stepParameters = parameters;
  model->prepare(*stepParameters, prepared);

  auto part = samples.take();
  drawBatch(*part);
  part->noiseMultiplier = askedSigma;
  part->gradientNoiseMultiplier = gradientSigma;
  part->labels.clear();
  for (const Index example : part->examples)
    part->labels.push_back(data.data->isClassification() ? data.data->label(example) : -1);
  part->expectedBatchSize = rules->expectedBatch;
  part->sampleRate = rules->sampleRate;
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

void Trainer::State::drawBatch(SamplePart& part) {
  part.scheme = rules->experiment.sampling.scheme;
  part.epoch = -1;
  if (part.scheme == SamplingScheme::Poisson) {
    if (secret) {
      SecureStream stream(*secret, DrawPurpose::Sample);
      poissonSample(data.train, rules->sampleRate, stream, part.examples);
    } else {
      poissonSample(data.train, rules->sampleRate, drawKey(DrawPurpose::Sample), part.examples);
    }
    return;
  }
  Index number = 0, epoch = 0;
  if (part.scheme == SamplingScheme::Shuffled) {
    const Index past = done - carried.shuffleStep;
    part.epoch = epoch = carried.shuffleEpoch + past / rules->batchesPerEpoch;
    number = past % rules->batchesPerEpoch;
  }
  if (orderEpoch != epoch) {
    if (secret) {
      SecureStream stream(*secret, DrawPurpose::Shuffle);
      shuffledOrder(data.train, stream, order);
    } else {
      shuffledOrder(data.train, rules->experiment.run.seed, epoch, order);
    }
    orderEpoch = epoch;
  }
  takeBatch(order, number, rules->batchSize, part.examples);
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
    tensorFactors(norms, rules->grouping, thresholds, *rules->strategy, factors.first(tensors));
    if (wantUnclipped)
      std::fill_n(factors.begin() + static_cast<std::ptrdiff_t>(tensors), tensors, 1.0f);
  };

  if (last == Phase::Clip) {
    startWitnesses(next);
    task.witness = [this](const BlockCache& cache, Index firstRow, std::span<const float> factors,
                          std::size_t worker) { bearWitness(cache, firstRow, factors, worker); };
  }
  if (first == Phase::Forward) {
    const bool whole = last == Phase::Clip;
    next.keptBytes = runner->keptBytes(next.batchSize());
    next.kept = !whole && next.keptBytes <= (rules->experiment.run.memoryBudgetMiB << 20);
    runner->begin(next.batchSize(), next.kept);
  }
  next.joined = next.joined || first != last;
  const auto seconds = runner->run(passOf(first), passOf(last), task, stop);
  for (Phase phase : allPhases) {
    if (phase < first || phase > last) continue;
    double total = 0;
    // Without kept caches a phase pays for the passes before it as well.
    for (int p = 0; p < passCount; ++p)
      if (p == static_cast<int>(passOf(phase)) ||
          (phase == first && p < static_cast<int>(passOf(phase))))
        total += seconds[static_cast<std::size_t>(p)];
    next.seconds[indexOf(phase)] = total;
  }
  addLayerTimes(next, first, last);
}

void Trainer::State::addLayerTimes(StepRecord& next, Phase first, Phase last) {
  auto part = timeParts.take();
  if (first == Phase::Forward)
    part->layers.assign(info->modelLayers.size(), {});
  else
    part->layers = next.times->layers;
  const auto& measured = runner->layerSeconds();
  // Passes that were run again for lack of memory are not counted again.
  const auto ran = [&](Phase phase) { return first <= phase && phase <= last; };
  for (std::size_t l = 0; l < part->layers.size(); ++l) {
    TimesPart::Layer& layer = part->layers[l];
    if (ran(Phase::Forward)) layer.forward = measured[l][LayerClock::Forward];
    if (ran(Phase::Backward)) layer.backward = measured[l][LayerClock::Backward];
    if (ran(Phase::Norms)) layer.norms = measured[l][LayerClock::Norms];
    if (ran(Phase::Clip)) layer.sums = measured[l][LayerClock::Sums];
  }
  next.times = std::move(part);
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
  part.strategy = std::string(rules->strategy->name());
  computeFactors(normsPart->norms, rules->grouping, thresholds, *rules->strategy, part.factors);
  part.groupOf.assign(info->tensors.size(), 0);
  part.groups.resize(rules->grouping.groups().size());
  double squares = 0;
  for (std::size_t k = 0; k < part.groups.size(); ++k) {
    GroupResult& group = part.groups[k];
    group.name = rules->grouping.groups()[k].name;
    group.tensors = rules->grouping.groups()[k].tensors;
    group.threshold = thresholds[k];
    group.noiseStd = stds[k];
    squares += thresholds[k] * thresholds[k];
    for (const Index tensor : group.tensors)
      part.groupOf[static_cast<std::size_t>(tensor)] = static_cast<Index>(k);
    group.clippedFraction = batch == 0 || rules->strategy->isAutomatic()
                                ? notANumber
                                : part.factors.groupClippedFraction(static_cast<Index>(k));
  }
  part.maxGradNorm = std::sqrt(squares);
  const bool empty = batch == 0;
  part.clippedFraction =
      empty || rules->strategy->isAutomatic() ? notANumber : part.factors.clippedFraction();
  part.aboveOneFraction =
      empty || !rules->strategy->isAutomatic() ? notANumber : part.factors.aboveOneFraction();

  double before = 0, after = 0;
  for (Index i = 0; i < batch; ++i) {
    if (!part.factors.finite(i)) continue;
    before += normsPart->global[static_cast<std::size_t>(i)];
    after += part.factors.clippedNorm(i);
  }
  part.retainedNorm = before > 0 ? after / before : notANumber;

  clippedSum = runner->sum(0);
  std::span<const float> unclipped;
  if (wantUnclipped && !empty) unclipped = runner->sum(1);
  summariseSums(model->table(), clippedSum, unclipped, part);

  double sensitivity = 0;
  for (const double threshold : thresholds) {
    const double group = rules->strategy->sensitivity(threshold);
    sensitivity += group * group;
  }
  part.sensitivity = std::sqrt(sensitivity);
  judgeWitnesses(part);
  part.suggestedThreshold =
      suggestThreshold(normsPart->global, gradientSigma, info->dimension, rules->expectedBatch);
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
  // The row of this block that claims the most, where it claims more than the blocks before, and
  // the random ones.
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

}  // namespace clipscope
