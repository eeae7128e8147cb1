// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/loss_ladder.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace clipscope {

namespace {

constexpr Index averagedSteps = 10;

std::string shown(double value, const char* format = "%.3g") {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

/// Mean of the training losses of the last steps up to `step`; how many in `count`.
double recentLoss(std::span<const StepSummary> run, Index step, Index& count) {
  double total = 0;
  count = 0;
  for (Index t = step; t > 0 && count < averagedSteps; --t) {
    const double loss = run[static_cast<std::size_t>(t - 1)].loss;
    if (std::isnan(loss)) continue;
    total += loss;
    ++count;
  }
  return count == 0 ? notANumber : total / static_cast<double>(count);
}

}  // namespace

std::string_view rungName(Rung rung) {
  constexpr std::string_view names[] = {"no privacy", "clipping only", "noise only", "both"};
  return names[static_cast<std::size_t>(rung)];
}

Experiment rungOf(const Experiment& experiment, Rung rung) {
  Experiment made = experiment;
  const bool clips = rung == Rung::ClippingOnly || rung == Rung::Both;
  const bool isNoisy = rung == Rung::NoiseOnly || rung == Rung::Both;
  if (!clips) {
    made.clipping.strategy = "none";
    made.clipping.adaptive.enabled = false;
  }
  if (!isNoisy) {
    made.noise.noiseMultiplier = 0;
    made.schedules.noiseMultiplier = {};
    // Counts have their noise from σ: without it C adapts by the counts as they are.
    if (clips && made.clipping.adaptive.enabled) made.clipping.adaptive.countStd = 0;
  }
  return made;
}

std::optional<LadderCost> ladderCost(
    const std::array<std::span<const StepSummary>, allRungs.size()>& runs) {
  std::size_t common = runs[0].size();
  for (const auto& run : runs) common = std::min(common, run.size());
  if (common == 0) return std::nullopt;
  LadderCost cost;
  cost.step = static_cast<Index>(common);
  for (std::size_t t = common; t > 0; --t) {
    const bool allHave = std::ranges::all_of(
        runs, [&](const auto& run) { return !std::isnan(run[t - 1].testLoss); });
    if (!allHave) continue;
    cost.step = static_cast<Index>(t);
    cost.isTest = true;
    for (std::size_t k = 0; k < runs.size(); ++k) cost.loss[k] = runs[k][t - 1].testLoss;
    return cost;
  }
  for (std::size_t k = 0; k < runs.size(); ++k) {
    Index count = 0;
    cost.loss[k] = recentLoss(runs[k], cost.step, count);
    if (count == 0) return std::nullopt;
    cost.averaged = count;
  }
  return cost;
}

std::string ladderSentence(const LadderCost& cost) {
  const auto of = [&](Rung rung) { return shown(cost.loss[static_cast<std::size_t>(rung)]); };
  const auto signedDifference = [&](Rung rung) { return shown(cost.difference(rung), "%+.3g"); };
  std::string text = "At step " + std::to_string(cost.step) + " the " +
                     (cost.isTest ? "test loss" : "training loss") + " is " + of(Rung::NoPrivacy) +
                     " without privacy, " + of(Rung::ClippingOnly) + " (" +
                     signedDifference(Rung::ClippingOnly) + ") with clipping alone, " +
                     of(Rung::NoiseOnly) + " (" + signedDifference(Rung::NoiseOnly) +
                     ") with noise alone and " + of(Rung::Both) + " (" +
                     signedDifference(Rung::Both) + ") with both";
  const double clipping = cost.clipping(), noise = cost.noise(), both = cost.both();
  if (!std::isfinite(clipping + noise + both)) return text + ".";
  // A hundredth of the loss is nothing to explain.
  const double small = 0.01 * std::abs(cost.loss[0]);
  if (both <= small) return text + ": privacy costs nothing here so far.";
  if (clipping <= small && noise <= small)
    return text + ": neither costs alone what both cost together.";
  if (clipping > 2 * noise) return text + ": clipping costs the most.";
  if (noise > 2 * clipping) return text + ": noise costs the most.";
  return text + ": clipping and noise cost about alike.";
}

}  // namespace clipscope
