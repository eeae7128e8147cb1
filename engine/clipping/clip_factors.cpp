// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/clipping/clip_factors.h"

#include <algorithm>
#include <cmath>

namespace clipscope {

namespace {

/// What the sum multiplies with. Below 1e-35 the entries of a gradient leave float's range and lose
/// their precision, so a rule that lifts tiny gradients (C/n) could lift rounding beyond C, or ask
/// for a factor that no float holds: from there its factor falls with the norm.
float appliedFactor(double factor, double norm) {
  constexpr double least = 1e-35;
  return static_cast<float>(factor > 1 && norm < least ? factor * (norm / least) : factor);
}

bool allFinite(std::span<const double> norms) {
  return std::all_of(norms.begin(), norms.end(), [](double n) { return std::isfinite(n); });
}

/// √Σ n² over a group's tensors, without the detour of a copy for the usual range.
double normOfGroup(std::span<const double> norms, const ClippingGroup& group) {
  double squares = 0, largest = 0;
  for (const Index tensor : group.tensors) {
    const double n = norms[static_cast<std::size_t>(tensor)];
    squares += n * n;
    largest = std::max(largest, n);
  }
  if (largest == 0 || (largest > 1e-150 && largest < 1e150)) return std::sqrt(squares);
  squares = 0;
  for (const Index tensor : group.tensors) {
    const double n = norms[static_cast<std::size_t>(tensor)] / largest;
    squares += n * n;
  }
  return largest * std::sqrt(squares);
}

}  // namespace

void computeFactors(const NormTable& norms, const Grouping& grouping,
                    std::span<const double> thresholds, const ClipStrategy& strategy,
                    ClipFactors& out) {
  out.m_examples = norms.examples();
  out.m_groups = grouping.count();
  const auto examples = static_cast<std::size_t>(out.m_examples);
  const auto cells = examples * static_cast<std::size_t>(out.m_groups);
  out.m_norms.resize(cells);
  out.m_factors.resize(cells);
  out.m_clippedNorm.resize(examples);
  out.m_overall.resize(examples);
  out.m_clipped.resize(examples);
  out.m_finite.resize(examples);
  out.m_groupClipped.assign(static_cast<std::size_t>(out.m_groups), 0);
  out.m_clippedCount = 0;
  out.m_aboveOneCount = 0;

  for (Index i = 0; i < out.m_examples; ++i) {
    const auto row = norms.row(i);
    const bool finite = allFinite(row);
    bool clipped = !finite, aboveOne = false;
    double before = 0, after = 0, largest = 0;
    for (Index k = 0; k < out.m_groups; ++k) {
      const std::size_t cell = out.at(i, k);
      const double threshold = thresholds[static_cast<std::size_t>(k)];
      const double n = normOfGroup(row, grouping.groups()[static_cast<std::size_t>(k)]);
      const double f = finite ? strategy.factor(n, threshold) : 0.0;
      out.m_norms[cell] = n;
      out.m_factors[cell] = f;
      const bool over = !finite || n > threshold;
      out.m_groupClipped[static_cast<std::size_t>(k)] += over ? 1 : 0;
      clipped = clipped || over;
      aboveOne = aboveOne || f > 1;
      largest = std::max(largest, n);
    }
    if (finite && largest > 0) {
      // Scaled by the largest group, so that squares of extreme norms stay in range.
      for (Index k = 0; k < out.m_groups; ++k) {
        const double n = out.m_norms[out.at(i, k)] / largest;
        before += n * n;
        after += n * out.m_factors[out.at(i, k)] * n * out.m_factors[out.at(i, k)];
      }
      out.m_clippedNorm[ClipFactors::row(i)] = largest * std::sqrt(after);
      out.m_overall[ClipFactors::row(i)] = std::sqrt(after / before);
    } else {
      out.m_clippedNorm[ClipFactors::row(i)] = 0;
      out.m_overall[ClipFactors::row(i)] = finite ? 1 : 0;
    }
    if (finite && out.m_groups == 1 && largest > 0) {
      const double f = out.m_factors[out.at(i, 0)];
      out.m_overall[ClipFactors::row(i)] = f;
      out.m_clippedNorm[ClipFactors::row(i)] = f * largest;
    }
    out.m_clipped[ClipFactors::row(i)] = clipped ? 1 : 0;
    out.m_finite[ClipFactors::row(i)] = finite ? 1 : 0;
    out.m_clippedCount += clipped ? 1 : 0;
    out.m_aboveOneCount += aboveOne ? 1 : 0;
  }
}

void tensorFactors(std::span<const double> norms, const Grouping& grouping,
                   std::span<const double> thresholds, const ClipStrategy& strategy,
                   std::span<float> factors) {
  if (!allFinite(norms)) {
    std::fill(factors.begin(), factors.end(), 0.0f);
    return;
  }
  for (Index k = 0; k < grouping.count(); ++k) {
    const ClippingGroup& group = grouping.groups()[static_cast<std::size_t>(k)];
    const double n = normOfGroup(norms, group);
    const float f = appliedFactor(strategy.factor(n, thresholds[static_cast<std::size_t>(k)]), n);
    for (const Index tensor : group.tensors) factors[static_cast<std::size_t>(tensor)] = f;
  }
}

}  // namespace clipscope
