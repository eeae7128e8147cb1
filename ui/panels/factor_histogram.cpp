// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/factor_histogram.h"

#include <algorithm>
#include <cmath>

#include "engine/training/diagnostics.h"

namespace clipscope {

double FactorHistogram::position(double factor) const {
  if (oneStandsApart && factor >= 1) return unclippedAt();
  if (!logarithmic) return factor;
  return factor > 0 ? std::max(std::log10(factor), edges.front()) : zeroAt();
}

double FactorHistogram::value(double position) const {
  return logarithmic ? std::pow(10.0, position) : position;
}

Index FactorHistogram::binOf(double factor) const {
  const double at = std::floor((position(factor) - edges.front()) / width());
  return static_cast<Index>(std::clamp(at, 0.0, static_cast<double>(bins() - 1)));
}

double FactorHistogram::cumulative(double factor) const {
  if (examples.empty()) return notANumber;
  const double total = static_cast<double>(examples.size());
  if (!sorted.empty()) {
    const auto below = std::upper_bound(sorted.begin(), sorted.end(), factor) - sorted.begin();
    return static_cast<double>(below) / total;
  }
  if (factor >= largest) return 1;
  if (factor < smallest) return 0;
  Index below = zeros;
  if (factor > 0 || !logarithmic)
    for (Index bin = 0; bin <= binOf(factor); ++bin) below += counts[static_cast<std::size_t>(bin)];
  return static_cast<double>(below) / total;
}

FactorHistogram makeFactorHistogram(const StepRecord& record, Index group, bool logarithmic,
                                    Index bins, bool ordered) {
  constexpr double tiniest = 1e-9;  // as far below the largest as an axis reaches
  FactorHistogram h;
  h.logarithmic = logarithmic;
  const ClipFactors& factors = record.clip->factors;
  double sum = 0, leastPositive = 1, least = INFINITY, most = 0;
  h.examples.reserve(static_cast<std::size_t>(record.batchSize()));
  for (Index i = 0; i < record.batchSize(); ++i) {
    if (!factors.finite(i)) {
      ++h.dropped;
      continue;
    }
    const double f = group < 0 ? factors.overallFactor(i) : factors.factor(i, group);
    h.examples.push_back({record.sample->examples[static_cast<std::size_t>(i)], f});
    sum += f;
    if (f > 0) leastPositive = std::min(leastPositive, f);
    least = std::min(least, f);
    most = std::max(most, f);
  }
  if (!h.examples.empty()) {
    h.mean = sum / static_cast<double>(h.examples.size());
    h.smallest = least;
    h.largest = most;
  }
  if (ordered) {
    for (const FactorHistogram::Example& example : h.examples) h.sorted.push_back(example.factor);
    std::sort(h.sorted.begin(), h.sorted.end());
    h.median = quantile(h.sorted, 0.5);
  }
  h.oneStandsApart = most <= 1;
  const double top = std::max(1.0, most);
  double first = 0, last = top;
  if (logarithmic) {
    last = std::log10(top);
    first = std::log10(std::max(leastPositive, top * tiniest));
    // Whole tenths of a decade, and never less than half a decade.
    first = std::min(std::floor(first * 10) / 10, last - 0.5);
  }
  for (Index k = 0; k <= bins; ++k)
    h.edges.push_back(first + (last - first) * static_cast<double>(k) / static_cast<double>(bins));
  h.counts.assign(static_cast<std::size_t>(bins), 0);
  for (const FactorHistogram::Example& example : h.examples) {
    const double f = example.factor;
    if (h.oneStandsApart && f == 1)
      ++h.unclipped;
    else if (logarithmic && !(f > 0))
      ++h.zeros;
    else
      ++h.counts[static_cast<std::size_t>(h.binOf(f))];
  }
  return h;
}

}  // namespace clipscope
