// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/individual_privacy.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "engine/accounting/sampled_gaussian.h"
#include "engine/error.h"
#include "engine/session/spent_history.h"

namespace clipscope {

namespace {

constexpr int levels = 48;
constexpr double levelsPerOctave = 6;

/// The level whose share is the least that is not below it.
int levelOf(double share) {
  if (!(share > 0)) return levels - 1;
  const double level = std::floor(-levelsPerOctave * std::log2(std::min(share, 1.0)) + 1e-9);
  return std::min(levels - 1, static_cast<int>(level));
}

double shareOf(int level) { return std::exp2(-level / levelsPerOctave); }

std::vector<double> makeOrders() {
  std::vector<double> orders;
  for (int tenths = 11; tenths < 50; tenths += 3) orders.push_back(tenths / 10.0);
  for (int tenths = 50; tenths < 110; tenths += 5) orders.push_back(tenths / 10.0);
  for (int order = 12; order < 64; order += 3) orders.push_back(order);
  return orders;
}

const std::vector<double>& orders() {
  static const std::vector<double> list = makeOrders();
  return list;
}

using Costs = std::vector<double>;  ///< RDP by order

void add(double* spent, const Costs& cost, double times) {
  for (std::size_t k = 0; k < cost.size(); ++k) spent[k] += times * cost[k];
}

/// What a step costs an example, by level.
class StepCosts {
 public:
  const Costs& of(const StepSummary& step, double q, int level) {
    Kind kind{step.sigma, step.gradientSigma, q};
    // A schedule makes every step another kind; a slightly smaller σ costs slightly more.
    constexpr std::size_t many = 64;
    if (m_costs.size() >= many && !m_costs.contains(kind)) {
      std::get<0>(kind) = roundedDown(step.sigma);
      std::get<1>(kind) = roundedDown(step.gradientSigma);
    }
    Costs& cost = m_costs[kind][static_cast<std::size_t>(level)];
    if (cost.empty()) cost = made(kind, level);
    return cost;
  }

 private:
  using Kind = std::tuple<double, double, double>;  ///< σ, z, q

  static double roundedDown(double sigma) {
    constexpr double perOctave = 256;
    return sigma > 0 ? std::exp2(std::floor(perOctave * std::log2(sigma)) / perOctave) : 0;
  }
  static Costs made(const Kind& kind, int level) {
    const auto [sigma, gradientSigma, q] = kind;
    const double share = shareOf(level);
    const double counts = std::max(0.0, 1 / (sigma * sigma) - 1 / (gradientSigma * gradientSigma));
    const double own =
        level == 0 ? sigma
                   : 1 / std::sqrt(share * share / (gradientSigma * gradientSigma) + counts);
    Costs cost;
    for (const double order : orders())
      cost.push_back(sigma > 0 ? sampledGaussianRdp(q, own, order)
                               : std::numeric_limits<double>::infinity());
    return cost;
  }

  std::map<Kind, std::array<Costs, levels>> m_costs;
};

double epsilonOf(const double* spent, double delta) {
  double least = std::numeric_limits<double>::infinity(), most = 0;
  for (std::size_t k = 0; k < orders().size(); ++k) {
    const double a = orders()[k];
    most = std::max(most, spent[k]);
    least =
        std::min(least, spent[k] - (std::log(delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a));
  }
  return most > 0 ? std::max(0.0, least) : 0;
}

void checkStop(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Cancelled();
}

/// By example: what was spent, by order.
class Ledgers {
 public:
  explicit Ledgers(Index examples)
      : m_spent(static_cast<std::size_t>(examples) * orders().size()) {}
  double* of(Index example) {
    return m_spent.data() + static_cast<std::size_t>(example) * orders().size();
  }

 private:
  std::vector<double> m_spent;
};

}  // namespace

IndividualPrivacy individualPrivacy(std::span<const StepSummary> summaries,
                                    std::span<const std::shared_ptr<const StepDraws>> draws,
                                    Index examples, double delta, std::stop_token stop,
                                    std::span<const std::shared_ptr<const NormRefresh>> refreshes) {
  const std::size_t width = orders().size();
  StepCosts costs;
  SpentHistory history;
  Costs everybody(width, 0.0);  ///< the whole sensitivity, at every step that is not known to have
                                ///< left an example out
  Ledgers bound(examples), estimate(examples);
  // A step that did not draw an example costs it, by the estimate, what its last level costs. The
  // sums over steps by level make that a difference of two.
  std::array<Costs, levels> sums;
  sums.fill(Costs(width, 0.0));
  std::vector<int> lastLevel(static_cast<std::size_t>(examples), 0);
  IndividualPrivacy result;
  result.delta = delta;
  result.steps = static_cast<Index>(summaries.size());
  result.draws.assign(static_cast<std::size_t>(examples), 0);

  const auto isNoiseless = [](const StepSummary& step) { return step.sigma == 0; };
  if (std::ranges::any_of(summaries, isNoiseless)) {
    result.worst = std::numeric_limits<double>::infinity();
    result.bound.assign(static_cast<std::size_t>(examples), result.worst);
    result.estimate = result.bound;
    return result;
  }

  auto next = draws.begin();
  auto nextRefresh = refreshes.begin();
  for (const StepSummary& step : summaries) {
    if (step.step % 64 == 0) checkStop(stop);
    const std::size_t entriesBefore = history.entries().size();
    const std::int64_t stepsBefore = entriesBefore > 0 ? history.entries().back().steps : 0;
    history.append(step);
    while (next != draws.end() && (*next)->step < step.step) ++next;
    const StepDraws* known =
        next != draws.end() && (*next)->step == step.step ? next->get() : nullptr;
    result.knownSteps += known != nullptr;
    const bool isSampled = step.scheme == SamplingScheme::Poisson;
    const double q = isSampled ? step.sampleRate : 1;
    if (!known) {
      // An epoch is charged once.
      const bool isCharged = isSampled || history.entries().size() > entriesBefore ||
                             history.entries().back().steps > stepsBefore;
      if (!isCharged) continue;
      add(everybody.data(), costs.of(step, q, 0), 1);
      for (int level = 0; level < levels; ++level)
        add(sums[static_cast<std::size_t>(level)].data(), costs.of(step, q, level), 1);
      continue;
    }
    if (isSampled) add(everybody.data(), costs.of(step, q, 0), 1);
    // The norm of a sampled step is known: it takes the place of the whole sensitivity that
    // everybody was charged, and of the last level from this step on.
    const auto learn = [&](Index example, int level) {
      const auto i = static_cast<std::size_t>(example);
      if (level > 0) {
        add(bound.of(example), costs.of(step, q, level), 1);
        add(bound.of(example), costs.of(step, q, 0), -1);
      }
      if (level == lastLevel[i]) return;
      add(estimate.of(example), sums[static_cast<std::size_t>(lastLevel[i])], 1);
      add(estimate.of(example), sums[static_cast<std::size_t>(level)], -1);
      lastLevel[i] = level;
    };
    while (nextRefresh != refreshes.end() && (*nextRefresh)->step < step.step) ++nextRefresh;
    const NormRefresh* refresh = nextRefresh != refreshes.end() && (*nextRefresh)->step == step.step
                                     ? nextRefresh->get()
                                     : nullptr;
    result.refreshes += refresh != nullptr;
    for (const StepDraws::Draw& draw : known->draws) {
      if (draw.example < 0 || draw.example >= examples) continue;
      ++result.draws[static_cast<std::size_t>(draw.example)];
      if (isSampled) {
        learn(draw.example, levelOf(static_cast<double>(draw.share)));
        continue;
      }
      const Costs& own = costs.of(step, q, levelOf(static_cast<double>(draw.share)));
      add(bound.of(draw.example), own, 1);
      add(estimate.of(draw.example), own, 1);
    }
    if (refresh && isSampled) {
      auto drawn = known->draws.begin();
      for (Index i = 0; i < examples; ++i) {
        while (drawn != known->draws.end() && drawn->example < i) ++drawn;
        const bool isDrawn = drawn != known->draws.end() && drawn->example == i;
        if (!isDrawn && refresh->has(i))
          learn(i, levelOf(static_cast<double>(refresh->shares[static_cast<std::size_t>(i)])));
      }
    }
    if (isSampled)
      for (int level = 0; level < levels; ++level)
        add(sums[static_cast<std::size_t>(level)].data(), costs.of(step, q, level), 1);
  }

  Costs worst(width, 0.0);
  for (const AccountedSteps& entry : history.entries()) {
    StepSummary step;
    step.sigma = step.gradientSigma = entry.sigma;
    add(worst.data(), costs.of(step, entry.sampleRate, 0), static_cast<double>(entry.steps));
  }
  result.worst = epsilonOf(worst.data(), delta);
  for (Index i = 0; i < examples; ++i) {
    if (i % 4096 == 0) checkStop(stop);
    add(bound.of(i), everybody, 1);
    add(estimate.of(i), sums[static_cast<std::size_t>(lastLevel[static_cast<std::size_t>(i)])], 1);
    result.bound.push_back(epsilonOf(bound.of(i), delta));
    result.estimate.push_back(epsilonOf(estimate.of(i), delta));
  }
  return result;
}

std::vector<IndividualPoint> individualEpsilonOver(
    Index example, std::span<const StepSummary> summaries,
    std::span<const std::shared_ptr<const StepDraws>> draws, double delta,
    std::span<const std::shared_ptr<const NormRefresh>> refreshes) {
  std::vector<IndividualPoint> points;
  StepCosts costs;
  Costs bound(orders().size(), 0.0), estimate = bound;
  int last = 0;
  auto next = draws.begin();
  auto nextRefresh = refreshes.begin();
  for (const StepSummary& step : summaries) {
    if (step.scheme != SamplingScheme::Poisson || !(step.sigma > 0)) return {};
    while (next != draws.end() && (*next)->step < step.step) ++next;
    while (nextRefresh != refreshes.end() && (*nextRefresh)->step < step.step) ++nextRefresh;
    std::optional<int> level;
    if (next != draws.end() && (*next)->step == step.step) {
      const auto& drawn = (*next)->draws;
      const auto at = std::ranges::lower_bound(drawn, example, {}, [](const StepDraws::Draw& draw) {
        return static_cast<Index>(draw.example);
      });
      if (at != drawn.end() && at->example == example)
        level = levelOf(static_cast<double>(at->share));
      else if (nextRefresh != refreshes.end() && (*nextRefresh)->step == step.step &&
               (*nextRefresh)->has(example))
        level =
            levelOf(static_cast<double>((*nextRefresh)->shares[static_cast<std::size_t>(example)]));
    }
    if (level) last = *level;
    add(bound.data(), costs.of(step, step.sampleRate, level.value_or(0)), 1);
    add(estimate.data(), costs.of(step, step.sampleRate, last), 1);
    if (level)
      points.push_back(
          {step.step, epsilonOf(bound.data(), delta), epsilonOf(estimate.data(), delta)});
  }
  return points;
}

}  // namespace clipscope
