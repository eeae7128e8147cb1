// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/training/step_record.h"

namespace clipscope {

/// What a record says of one example.
struct ExampleFacts {
  Index example = -1;
  Index row = -1;      ///< in the batch; −1 when it was not drawn in this step
  bool picked = true;  ///< false: nothing is selected, and this is the one with the largest norm
  int label = -1, prediction = -1;
  bool wrong = false;  ///< a class was predicted, and it is not the label
  double loss = notANumber;
  double before = notANumber, factor = notANumber, after = notANumber;
  Index rank = 0;        ///< by norm, 1 for the largest; 0 before phase Norms
  bool dropped = false;  ///< not finite: left out of the sum
};

/// The facts of example `current`, or, where that is −1, of the one with the largest norm (what is
/// not finite counts as largest); before phase Norms of the first drawn. `example` is −1 where
/// there is none.
ExampleFacts exampleFacts(const StepRecord& record, Index current);

/// A class as the data names it; its number where it has no name; "–" for none.
QString className(const RunInfo& info, int label);

}  // namespace clipscope
