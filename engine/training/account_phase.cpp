// SPDX-License-Identifier: GPL-3.0-or-later
// The phase Account: what the step costs under its sampling, and what it leaves to the next.
#include <algorithm>

#include "engine/training/diagnostics.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

namespace {

AccountedSampling accountedAs(SamplingScheme scheme) {
  switch (scheme) {
    case SamplingScheme::Shuffled:
      return AccountedSampling::Shuffled;
    case SamplingScheme::Fixed:
      return AccountedSampling::Fixed;
    case SamplingScheme::Poisson:
      break;
  }
  return AccountedSampling::Poisson;
}

/// Raises the last charged Gaussian (q = 1) of a history from its σ to a smaller one.
void lowerLastSigma(Accountant& accountant, double sigma) {
  std::vector<AccountedSteps> history = accountant.history();
  if (--history.back().steps == 0) history.pop_back();
  accountant.setHistory(std::move(history));
  accountant.add(sigma, 1, 1);
}

}  // namespace

std::string_view accountedSamplingName(AccountedSampling sampling) {
  constexpr std::string_view names[] = {"none", "poisson", "shuffled", "fixed", "mixed"};
  return names[static_cast<std::size_t>(sampling)];
}

std::string_view neighboursName(AccountedSampling sampling) {
  return sampling == AccountedSampling::None || sampling == AccountedSampling::Poisson
             ? "add_remove"
             : "zero_out";
}

void Trainer::State::charge() {
  switch (rules->experiment.sampling.scheme) {
    case SamplingScheme::Poisson:
      accountant->add(stepSigma, rules->sampleRate, 1);
      break;
    case SamplingScheme::Fixed:
      accountant->add(stepSigma, 1, 1);
      break;
    case SamplingScheme::Shuffled:
      // An example is in one batch of an epoch at most, so that an epoch costs what its dearest
      // step costs; which batch that is must not matter.
      if ((done - carried.shuffleStep) % rules->batchesPerEpoch == 0) {
        accountant->add(stepSigma, 1, 1);
        carried.epochSigma = stepSigma;
      } else if (stepSigma < carried.epochSigma) {
        lowerLastSigma(*accountant, stepSigma);
        carried.epochSigma = stepSigma;
      }
      break;
  }
  const AccountedSampling own = accountedAs(rules->experiment.sampling.scheme);
  if (carried.accounted == AccountedSampling::None)
    carried.accounted = own;
  else if (carried.accounted != own)
    carried.accounted = AccountedSampling::Mixed;
  const AdaptiveSettings& adaptive = rules->experiment.clipping.adaptive;
  if (adaptive.enabled && adaptive.denominator == CountDenominator::Batch)
    carried.privateDenominator = true;
}

void Trainer::State::account(StepRecord& next) {
  auto part = accounts.take();
  charge();
  part->delta = rules->experiment.privacy.delta;
  part->epsilon = accountant->epsilon(rules->experiment.privacy.delta);
  part->accountant = rules->experiment.privacy.accountant;
  part->sampling = carried.accounted;
  part->simulated = !rules->experiment.run.secureMode;
  part->invalidBecause = carried.privateDenominator ? "private denominator" : "";
  carried.thresholds.clear();
  for (const AdaptiveResult& group : next.noise->adaptive)
    carried.thresholds.push_back(group.after);
  next.account = std::move(part);
  rememberMedians(*clipPart);
  ++done;
}

void Trainer::State::rememberMedians(const ClipPart& part) {
  if (part.factors.examples() == 0) return;
  std::vector<double>& column = scratch;
  medians.assign(part.groups.size(), 0.0);
  for (std::size_t k = 0; k < part.groups.size(); ++k) {
    column.clear();
    for (Index i = 0; i < part.factors.examples(); ++i)
      if (part.factors.finite(i))
        column.push_back(part.factors.groupNorm(i, static_cast<Index>(k)));
    medians[k] = column.empty() ? 0.0 : medianOf(column);
  }
}

}  // namespace clipscope
