// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// Clip factors of a batch, counted over bins: of the whole gradient, ‖clipped g_i‖/n_i, or f_ik of
/// one clipping group. Examples that clipping left alone have f = 1 exactly; where no factor can be
/// larger they are counted apart, in a bin of their own behind the others. A bin is [low, high);
/// the last one holds the largest factor too.
struct FactorHistogram {
  struct Example {
    Index example = 0;  ///< dataset index
    double factor = 0;
  };

  std::vector<Example> examples;  ///< the finite ones, in the order of the batch
  std::vector<double> sorted;     ///< their factors, ascending; empty where no order was asked for
  std::vector<double> edges;      ///< bins + 1 values: factors, or log₁₀ of factors
  std::vector<Index> counts;
  Index unclipped = 0;  ///< f = 1, where they stand apart
  Index zeros = 0;      ///< f = 0 on a logarithmic axis, which has no place for them
  Index dropped = 0;    ///< not finite: left out of the sum, and of this picture
  bool logarithmic = false;
  bool oneStandsApart = true;  ///< no factor is above 1, as automatic rules can have
  double mean = notANumber, median = notANumber;
  double smallest = notANumber, largest = notANumber;

  Index bins() const { return static_cast<Index>(counts.size()); }
  double width() const { return edges[1] - edges[0]; }
  /// Where a factor stands on the axis; the bins of zeros and of the unclipped have places of their
  /// own at zeroAt() and unclippedAt().
  double position(double factor) const;
  double value(double position) const;
  double zeroAt() const { return edges.front() - 2.5 * width(); }
  double unclippedAt() const { return edges.back() + 1.5 * width(); }
  /// Share of the finite examples with a factor of at most `factor`; without an order, of those in
  /// the bins up to the factor's own (below 1 and from 1 on it is exact all the same where 1 stands
  /// apart).
  double cumulative(double factor) const;
  /// The bin of a factor that stands in none apart.
  Index binOf(double factor) const;
};

/// `group`: −1 for the whole gradient. Needs phase Clip. `ordered` sorts the factors, which median
/// and exact shares need; many groups at once do without.
FactorHistogram makeFactorHistogram(const StepRecord& record, Index group, bool logarithmic,
                                    Index bins, bool ordered = true);

}  // namespace clipscope
