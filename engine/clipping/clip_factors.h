// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "engine/clipping/grouping.h"
#include "engine/clipping/norm_table.h"
#include "engine/clipping/strategy.h"

namespace clipscope {

/// The clip factors of a batch, by example and group, and what follows from them. An example with a
/// norm that is not finite in any tensor is dropped whole: its factors are exactly 0, it counts as
/// clipped, and finite() is false.
class ClipFactors {
 public:
  Index examples() const { return m_examples; }
  Index groups() const { return m_groups; }

  double groupNorm(Index example, Index group) const { return m_norms[at(example, group)]; }
  double factor(Index example, Index group) const { return m_factors[at(example, group)]; }
  /// f_ik n_ik
  double clippedGroupNorm(Index example, Index group) const {
    return m_finite[row(example)] ? m_factors[at(example, group)] * m_norms[at(example, group)] : 0;
  }
  /// ‖clipped g_i‖ = √Σ_k (f_ik n_ik)²; 0 for a dropped example.
  double clippedNorm(Index example) const { return m_clippedNorm[row(example)]; }
  /// ‖clipped g_i‖/n_i; 1 for a gradient of 0; 0 for a dropped example.
  double overallFactor(Index example) const { return m_overall[row(example)]; }
  /// n_ik > C_k, strictly, in any group.
  bool clipped(Index example) const { return m_clipped[row(example)] != 0; }
  bool finite(Index example) const { return m_finite[row(example)] != 0; }

  /// Shares of the batch; 0 for an empty one.
  double clippedFraction() const { return share(m_clippedCount); }
  double groupClippedFraction(Index group) const {
    return share(m_groupClipped[static_cast<std::size_t>(group)]);
  }
  /// Examples with a factor above 1 in any group (automatic rules only).
  double aboveOneFraction() const { return share(m_aboveOneCount); }

 private:
  friend void computeFactors(const NormTable&, const Grouping&, std::span<const double>,
                             const ClipStrategy&, ClipFactors&);
  friend void restoreFactors(const NormTable&, const Grouping&, std::span<const double>,
                             std::span<const float>, ClipFactors&);
  /// `rule` gives the factor of an example, a group and the norm there.
  template <class Rule>
  void fill(const NormTable& norms, const Grouping& grouping, std::span<const double> thresholds,
            Rule&& rule);
  std::size_t at(Index example, Index group) const {
    return static_cast<std::size_t>(example * m_groups + group);
  }
  static std::size_t row(Index example) { return static_cast<std::size_t>(example); }
  double share(Index count) const {
    return m_examples == 0 ? 0 : static_cast<double>(count) / static_cast<double>(m_examples);
  }

  Index m_examples = 0;
  Index m_groups = 0;
  std::vector<double> m_norms, m_factors;
  std::vector<double> m_clippedNorm, m_overall;
  std::vector<unsigned char> m_clipped, m_finite;
  std::vector<Index> m_groupClipped;
  Index m_clippedCount = 0;
  Index m_aboveOneCount = 0;
};

/// Factors of a whole batch into `out`, which keeps its memory. `thresholds` C_k by group.
void computeFactors(const NormTable& norms, const Grouping& grouping,
                    std::span<const double> thresholds, const ClipStrategy& strategy,
                    ClipFactors& out);

/// The same from factors that were computed before, examples × groups: those of a recording.
void restoreFactors(const NormTable& norms, const Grouping& grouping,
                    std::span<const double> thresholds, std::span<const float> factors,
                    ClipFactors& out);

/// The same for one example, spread over the tensors in float: what a weighted sum multiplies with.
/// A factor above 1 of a norm below 1e-35 falls with the norm (f·n/1e-35): such a gradient is
/// rounding. Writes `factors` (one a tensor); exact zeros where any norm is not finite.
void tensorFactors(std::span<const double> norms, const Grouping& grouping,
                   std::span<const double> thresholds, const ClipStrategy& strategy,
                   std::span<float> factors);

}  // namespace clipscope
