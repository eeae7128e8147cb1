// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/planned_spending.h"

#include <algorithm>
#include <cmath>

#include "engine/data/shuffled_sampler.h"
#include "engine/session/spent_history.h"

namespace clipscope {

namespace {

bool isScheduled(const Experiment& experiment) {
  return !experiment.schedules.noiseMultiplier.isConstant();
}

}  // namespace

double batchSizeOf(const Experiment& e, Index examples) {
  const double n = static_cast<double>(examples);
  double batch =
      e.sampling.sampleRate > 0 ? e.sampling.sampleRate * n : e.sampling.expectedBatchSize;
  if (e.sampling.scheme != SamplingScheme::Poisson) batch = std::max(1.0, std::round(batch));
  return std::min(batch, n);
}

double sampleRateOf(const Experiment& e, Index examples) {
  return batchSizeOf(e, examples) / static_cast<double>(examples);
}

PlanSettings planSettings(const Experiment& e, Index examples, Index dimension) {
  PlanSettings plan;
  plan.accountant = e.privacy.accountant;
  plan.delta = e.privacy.delta;
  plan.examples = static_cast<double>(examples);
  plan.maxGradNorm = e.clipping.maxGradNorm;
  plan.dimension = static_cast<double>(dimension);
  switch (e.sampling.scheme) {
    case SamplingScheme::Poisson:
      plan.sampling = PlannedSampling::Poisson;
      break;
    case SamplingScheme::Shuffled:
      plan.sampling = PlannedSampling::Shuffled;
      break;
    case SamplingScheme::Fixed:
      plan.sampling = PlannedSampling::Fixed;
      break;
  }
  return plan;
}

std::vector<AccountedSteps> plannedHistory(const Experiment& e, Index examples) {
  if (e.run.steps <= 0) return {};
  const double q = sampleRateOf(e, examples);
  const Index perEpoch = std::max<Index>(
      1, batchesPerEpoch(examples, std::max<Index>(1, std::llround(batchSizeOf(e, examples)))));
  SpentHistory spent;
  const auto append = [&](Index step) {
    StepSummary summary;
    summary.step = step;
    summary.scheme = e.sampling.scheme;
    summary.sampleRate = q;
    summary.epoch = (step - 1) / perEpoch;
    summary.sigma = e.noiseMultiplierAt(step - 1);
    spent.append(summary);
  };
  if (isScheduled(e)) {
    constexpr Index most = 1000000;
    if (e.run.steps > most) return {};
    for (Index step = 1; step <= e.run.steps; ++step) append(step);
    return spent.entries();
  }
  const double sigma = e.noise.noiseMultiplier;
  switch (e.sampling.scheme) {
    case SamplingScheme::Poisson:
      return {{sigma, q, e.run.steps}};
    case SamplingScheme::Shuffled:
      return {{sigma, 1, (e.run.steps + perEpoch - 1) / perEpoch}};
    case SamplingScheme::Fixed:
      break;
  }
  return {{sigma, 1, e.run.steps}};
}

double plannedEpsilonOf(const Experiment& e, Index examples) {
  std::vector<AccountedSteps> history = plannedHistory(e, examples);
  if (history.empty()) return e.run.steps > 0 ? notANumber : 0;
  if (e.clipping.strategy == "none") return std::numeric_limits<double>::infinity();
  const auto accountant = makeAccountant(e.privacy.accountant);
  accountant->setHistory(std::move(history));
  return accountant->epsilon(e.privacy.delta);
}

double plannedSigma(const Experiment& e, Index examples, double epsilon) {
  if (isScheduled(e) || e.clipping.strategy == "none") return notANumber;
  Experiment planned = e;
  planned.noise.noiseMultiplier = 1;
  const std::vector<AccountedSteps> history = plannedHistory(planned, examples);
  if (history.empty()) return 0;
  try {
    return noiseMultiplierFor(
        e.privacy.accountant,
        {epsilon, e.privacy.delta, history.front().sampleRate, history.front().steps});
  } catch (const NoNoiseMultiplier&) {
    return notANumber;
  }
}

}  // namespace clipscope
