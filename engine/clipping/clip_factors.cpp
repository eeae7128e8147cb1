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

template <class Rule>
void ClipFactors::fill(const NormTable& norms, const Grouping& grouping,
                       std::span<const double> thresholds, Rule&& rule) {
  m_examples = norms.examples();
  m_groups = grouping.count();
  const auto examples = static_cast<std::size_t>(m_examples);
  const auto cells = examples * static_cast<std::size_t>(m_groups);
  m_norms.resize(cells);
  m_factors.resize(cells);
  m_clippedNorm.resize(examples);
  m_overall.resize(examples);
  m_clipped.resize(examples);
  m_finite.resize(examples);
  m_groupClipped.assign(static_cast<std::size_t>(m_groups), 0);
  m_clippedCount = 0;
  m_aboveOneCount = 0;

  for (Index i = 0; i < m_examples; ++i) {
    const auto tensors = norms.row(i);
    const bool finite = allFinite(tensors);
    bool clipped = !finite, aboveOne = false;
    double before = 0, after = 0, largest = 0;
    for (Index k = 0; k < m_groups; ++k) {
      const std::size_t cell = at(i, k);
      const double threshold = thresholds[static_cast<std::size_t>(k)];
      const double n = normOfGroup(tensors, grouping.groups()[static_cast<std::size_t>(k)]);
      const double f = finite ? rule(i, k, n) : 0.0;
      m_norms[cell] = n;
      m_factors[cell] = f;
      const bool over = !finite || n > threshold;
      m_groupClipped[static_cast<std::size_t>(k)] += over ? 1 : 0;
      clipped = clipped || over;
      aboveOne = aboveOne || f > 1;
      largest = std::max(largest, n);
    }
    if (finite && largest > 0) {
      // Scaled by the largest group, so that squares of extreme norms stay in range.
      for (Index k = 0; k < m_groups; ++k) {
        const double n = m_norms[at(i, k)] / largest;
        before += n * n;
        after += n * m_factors[at(i, k)] * n * m_factors[at(i, k)];
      }
      m_clippedNorm[row(i)] = largest * std::sqrt(after);
      m_overall[row(i)] = std::sqrt(after / before);
    } else {
      m_clippedNorm[row(i)] = 0;
      m_overall[row(i)] = finite ? 1 : 0;
    }
    if (finite && m_groups == 1 && largest > 0) {
      const double f = m_factors[at(i, 0)];
      m_overall[row(i)] = f;
      m_clippedNorm[row(i)] = f * largest;
    }
    m_clipped[row(i)] = clipped ? 1 : 0;
    m_finite[row(i)] = finite ? 1 : 0;
    m_clippedCount += clipped ? 1 : 0;
    m_aboveOneCount += aboveOne ? 1 : 0;
  }
}

void computeFactors(const NormTable& norms, const Grouping& grouping,
                    std::span<const double> thresholds, const ClipStrategy& strategy,
                    ClipFactors& out) {
  out.fill(norms, grouping, thresholds, [&](Index, Index group, double norm) {
    return strategy.factor(norm, thresholds[static_cast<std::size_t>(group)]);
  });
}

void restoreFactors(const NormTable& norms, const Grouping& grouping,
                    std::span<const double> thresholds, std::span<const float> factors,
                    ClipFactors& out) {
  const Index groups = grouping.count();
  out.fill(norms, grouping, thresholds, [&](Index example, Index group, double) {
    return static_cast<double>(factors[static_cast<std::size_t>(example * groups + group)]);
  });
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
