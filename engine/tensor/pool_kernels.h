// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// A pooling window over one example stored channels last.
struct PoolGeometry {
  Index channels = 0;
  Index height = 0, width = 0;  ///< of the input
  Index outHeight = 0, outWidth = 0;
  Index kernel[2] = {1, 1}, stride[2] = {1, 1}, padding[2] = {0, 0};
};

/// y = the maximum over each window's cells inside the picture; winner = the number (row by row in
/// the window) of the first cell that has it. A NaN wins over everything.
void maxPoolForward(const PoolGeometry& pool, const float* x, float* y, float* winner);
/// dx = dy at the winners, 0 elsewhere; overlapping windows add up.
void maxPoolBackward(const PoolGeometry& pool, const float* dy, const float* winner, float* dx);

/// y = the sum over each window's cells inside the picture by the number of them; with
/// `countPadding` by the number of cells inside the padded picture (PyTorch's count_include_pad).
void meanPoolForward(const PoolGeometry& pool, bool countPadding, const float* x, float* y);
/// dx = the sum over a cell's windows of dy by their numbers.
void meanPoolBackward(const PoolGeometry& pool, bool countPadding, const float* dy, float* dx);

}  // namespace clipscope
