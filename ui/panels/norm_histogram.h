// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/clipping/grouping.h"
#include "engine/training/step_record.h"

namespace clipscope {

/// Which norms a histogram shows: of the whole gradient, or of one parameter tensor.
struct NormChoice {
  Index tensor = -1;  ///< −1: the whole gradient
};

/// Norms before and after clipping, counted over common bins. Zeros stand apart, because a log axis
/// has no place for them; norms that are not finite are only counted.
struct NormHistogram {
  struct Example {
    Index example = 0;  ///< dataset index
    double before = 0;
    double after = 0;  ///< NaN before phase Clip
  };

  std::vector<Example> examples;     ///< the finite ones
  std::vector<double> edges;         ///< bins + 1 values: norms, or log₁₀ of norms
  std::vector<Index> before, after;  ///< counts by bin
  Index zeroBefore = 0, zeroAfter = 0;
  Index nonFinite = 0;
  bool logarithmic = true;
  bool clipped = false;            ///< the record has phase Clip
  std::vector<double> thresholds;  ///< C, or the tensor's group's C_k

  Index bins() const { return static_cast<Index>(before.size()); }
  /// A norm's position on the axis; −∞ for 0 on a logarithmic one.
  double position(double norm) const;
  double value(double position) const;
  /// The bin of a norm > 0, clamped to the ends.
  Index binOf(double norm) const;
};

/// Another clipping of the batch, tried in place of the step's.
struct TriedClipping {
  const ClipFactors* factors = nullptr;
  const Grouping* grouping = nullptr;
  double threshold = 0;  ///< C, or the C_k of the tensor's group
};

/// `logarithmic`: −1 decides by the spread (above a factor of 30), else 0 or 1.
NormHistogram makeNormHistogram(const StepRecord& record, NormChoice choice, int logarithmic,
                                Index bins, const TriedClipping* tried = nullptr);

/// Counts "after" anew under another clipping, over the bins that are there: while a threshold is
/// dragged the bars of "before" stand still.
void recountAfter(NormHistogram& histogram, const StepRecord& record, NormChoice choice,
                  const TriedClipping& tried);

}  // namespace clipscope
