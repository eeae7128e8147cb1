// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

namespace clipscope {

struct StrokePoint {
  double x = 0;  ///< 0 left … 1 right
  double y = 0;  ///< 0 top … 1 bottom
};
using Stroke = std::vector<StrokePoint>;

/// The ways in which a digit is written, each a set of strokes in the unit square.
const std::vector<std::vector<Stroke>>& digitStyles(int digit);

}  // namespace clipscope
