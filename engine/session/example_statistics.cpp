// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/example_statistics.h"

#include <algorithm>
#include <cmath>

namespace clipscope {

namespace {

struct Sums {
  Index draws = 0, clipped = 0, finite = 0;
  double norms = 0, factors = 0, losses = 0;

  void add(const StepDraws::Draw& draw) {
    ++draws;
    clipped += draw.isClipped;
    losses += static_cast<double>(draw.loss);
    if (!std::isfinite(draw.normBefore)) return;
    ++finite;
    norms += draw.normBefore;
    factors += draw.factor;
  }
  double mean(double sum) const {
    return finite == 0 ? notANumber : sum / static_cast<double>(finite);
  }
};

}  // namespace

std::vector<ExampleStatistics> exampleStatistics(const ExampleHistory& history, Index examples,
                                                 const StepSpan& span) {
  std::vector<ExampleStatistics> made(static_cast<std::size_t>(examples));
  std::vector<Sums> sums(made.size());
  for (std::size_t i = 0; i < made.size(); ++i) made[i].example = static_cast<Index>(i);
  for (const auto& step : history.steps())
    for (const StepDraws::Draw& draw : step->draws) {
      if (!span.has(step->step) || draw.example < 0 || draw.example >= examples) continue;
      const auto i = static_cast<std::size_t>(draw.example);
      sums[i].add(draw);
      made[i].lastLoss = static_cast<double>(draw.loss);
      made[i].lastStep = step->step;
      made[i].lastNorm = draw.normBefore;
      if (std::isfinite(draw.normBefore) && !(draw.normBefore <= made[i].largestNorm))
        made[i].largestNorm = draw.normBefore;
    }
  if (!history.refreshes().empty() && span.has(history.refreshes().back()->step)) {
    const NormRefresh& newest = *history.refreshes().back();
    for (std::size_t i = 0; i < std::min(made.size(), newest.norms.size()); ++i)
      if (newest.step > made[i].lastStep && newest.has(static_cast<Index>(i)))
        made[i].lastNorm = static_cast<double>(newest.norms[i]);
  }
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].draws = sums[i].draws;
    made[i].clipped = sums[i].clipped;
    made[i].meanNorm = sums[i].mean(sums[i].norms);
    made[i].meanFactor = sums[i].mean(sums[i].factors);
  }
  return made;
}

std::vector<ClassStatistics> classStatistics(const ExampleHistory& history,
                                             std::span<const int> labels, int classes,
                                             const StepSpan& span) {
  std::vector<ClassStatistics> made(static_cast<std::size_t>(classes));
  std::vector<Sums> sums(made.size());
  std::vector<bool> seen(labels.size());
  for (const auto& step : history.steps())
    for (const StepDraws::Draw& draw : step->draws) {
      const auto i = static_cast<std::size_t>(draw.example);
      if (!span.has(step->step) || draw.example < 0 || i >= labels.size() || labels[i] < 0 ||
          labels[i] >= classes)
        continue;
      const auto label = static_cast<std::size_t>(labels[i]);
      sums[label].add(draw);
      made[label].examples += !seen[i];
      seen[i] = true;
    }
  for (std::size_t k = 0; k < made.size(); ++k) {
    made[k].label = static_cast<int>(k);
    made[k].draws = sums[k].draws;
    if (sums[k].draws == 0) continue;
    const auto draws = static_cast<double>(sums[k].draws);
    made[k].clippedShare = static_cast<double>(sums[k].clipped) / draws;
    made[k].meanLoss = sums[k].losses / draws;
    made[k].meanNorm = sums[k].mean(sums[k].norms);
    made[k].meanFactor = sums[k].mean(sums[k].factors);
  }
  return made;
}

}  // namespace clipscope
