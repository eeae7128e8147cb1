// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// What a step does to each weight once the sum is there, in as few passes over a chunk as can be.
/// Squares are added in float four by four, the fours in double; a result whose squares may have
/// left float's range on the way is taken again in double.

/// x_j = a x_j; returns Σ x_j² of what they have become
double scaleAndSquare(float a, float* x, Index count);

/// θ' = θ − η (s + z)/B, the update of plain gradient descent.
struct Descent {
  float rate = 0;                 ///< η
  float inverseBatch = 0;         ///< 1/B
  const float* before = nullptr;  ///< θ
  const float* sum = nullptr;     ///< s
  const float* noise = nullptr;   ///< z
  float* after = nullptr;         ///< θ'; none of the others
  Index count = 0;
};
/// ‖θ'‖² and ‖θ' − θ‖².
struct DescentSquares {
  double after = 0, change = 0;
};
DescentSquares descend(const Descent& descent);

}  // namespace clipscope
