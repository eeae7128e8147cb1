// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/norm_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clipscope {

namespace {
constexpr double tiniest = 1e-9;
}

double NormHistogram::position(double norm) const {
  if (!logarithmic) return norm;
  return norm > 0 ? std::log10(norm) : -std::numeric_limits<double>::infinity();
}

double NormHistogram::value(double position) const {
  return logarithmic ? std::pow(10.0, position) : position;
}

Index NormHistogram::binOf(double norm) const {
  const double width = (edges.back() - edges.front()) / static_cast<double>(bins());
  // (low, high]: what was scaled down to an edge, the threshold, lies below it.
  const double at = std::ceil((position(norm) - edges.front()) / width - 1e-6) - 1;
  return static_cast<Index>(std::clamp(at, 0.0, static_cast<double>(bins() - 1)));
}

namespace {

/// A norm after clipping: as the step did it, or as it is tried; NaN before phase Clip.
double normAfter(const StepRecord& record, NormChoice choice, Index row, double before,
                 const TriedClipping* tried) {
  if (!tried && !record.has(Phase::Clip)) return notANumber;
  const ClipFactors& factors = tried ? *tried->factors : record.clip->factors;
  if (choice.tensor < 0) return factors.clippedNorm(row);
  const Index group = tried ? tried->grouping->groupOf(choice.tensor)
                            : record.clip->groupOf[static_cast<std::size_t>(choice.tensor)];
  return before * factors.factor(row, group);
}

bool counts(const NormHistogram& h, double norm) {
  return h.logarithmic ? std::log10(norm) >= h.edges.front() - 1e-9 : norm > 0;
}

}  // namespace

NormHistogram makeNormHistogram(const StepRecord& record, NormChoice choice, int logarithmic,
                                Index bins, const TriedClipping* tried) {
  NormHistogram h;
  h.clipped = tried || record.has(Phase::Clip);
  double low = std::numeric_limits<double>::infinity(), high = 0;
  for (Index i = 0; i < record.batchSize(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const double before =
        choice.tensor < 0 ? record.norms->global[at] : record.norms->norms.at(i, choice.tensor);
    if (!std::isfinite(record.norms->global[at]) || !std::isfinite(before)) {
      ++h.nonFinite;
      continue;
    }
    const double after = normAfter(record, choice, i, before, tried);
    h.examples.push_back({record.sample->examples[at], before, after});
    for (const double norm : {before, after}) {
      if (!(norm > 0)) continue;
      low = std::min(low, norm);
      high = std::max(high, norm);
    }
  }
  if (h.clipped) {
    if (tried) {
      h.thresholds.push_back(tried->threshold);
    } else if (choice.tensor >= 0) {
      const Index group = record.clip->groupOf[static_cast<std::size_t>(choice.tensor)];
      h.thresholds.push_back(record.clip->groups[static_cast<std::size_t>(group)].threshold);
    } else {
      h.thresholds.push_back(record.clip->maxGradNorm);
    }
    if (high > 0)
      for (const double c : h.thresholds) {
        // The threshold belongs in the picture, unless it is far away.
        if (c > low / 100 && c < high * 100) {
          low = std::min(low, c);
          high = std::max(high, c);
        }
      }
  }
  h.logarithmic = logarithmic < 0 ? high > 30 * low : logarithmic == 1;
  if (high == 0) {
    low = 0.1;
    high = 1;
  }
  // A norm that is far below all others says no more than a zero, and would squeeze the rest.
  if (h.logarithmic) low = std::max(low, high * tiniest);
  double first = h.logarithmic ? std::log10(low) : 0,
         last = h.logarithmic ? std::log10(high) : high;
  if (last - first < 1e-9 * std::max(1.0, std::abs(last))) {
    // All equal: a bin of its own in the middle.
    first -= h.logarithmic ? 0.5 : 0.0;
    last += h.logarithmic ? 0.5 : std::max(high, 1e-12);
  }
  // An edge at the threshold, so that nothing that was clipped to it is drawn beyond it.
  const double width = (last - first) / static_cast<double>(bins);
  if (!h.thresholds.empty()) {
    const double c = h.position(h.thresholds.front());
    if (c > first && c < last) {
      first = c - std::ceil((c - first) / width) * width;
      last = first + static_cast<double>(++bins) * width;
    }
  }
  for (Index k = 0; k <= bins; ++k)
    h.edges.push_back(first + (last - first) * static_cast<double>(k) / static_cast<double>(bins));
  h.before.assign(static_cast<std::size_t>(bins), 0);
  h.after.assign(static_cast<std::size_t>(bins), 0);
  for (const NormHistogram::Example& e : h.examples) {
    if (counts(h, e.before))
      ++h.before[static_cast<std::size_t>(h.binOf(e.before))];
    else
      ++h.zeroBefore;
    if (!h.clipped) continue;
    if (counts(h, e.after))
      ++h.after[static_cast<std::size_t>(h.binOf(e.after))];
    else
      ++h.zeroAfter;
  }
  return h;
}

void recountAfter(NormHistogram& h, const StepRecord& record, NormChoice choice,
                  const TriedClipping& tried) {
  h.clipped = true;
  h.thresholds.assign(1, tried.threshold);
  h.after.assign(h.before.size(), 0);
  h.zeroAfter = 0;
  auto example = h.examples.begin();
  for (Index i = 0; i < record.batchSize() && example != h.examples.end(); ++i) {
    if (example->example != record.sample->examples[static_cast<std::size_t>(i)]) continue;
    example->after = normAfter(record, choice, i, example->before, &tried);
    if (counts(h, example->after))
      ++h.after[static_cast<std::size_t>(h.binOf(example->after))];
    else
      ++h.zeroAfter;
    ++example;
  }
}

}  // namespace clipscope
