// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// One window cell of a maximum over `channels` values stored side by side; `winner` holds the cell
/// (a small whole number) that has the maximum so far.

/// maximum = cell, winner = index
void startMaximum(const float* cell, float index, Index channels, float* maximum, float* winner);
/// Where the cell is larger, or is a NaN: maximum = cell, winner = index.
void takeMaximum(const float* cell, float index, Index channels, float* maximum, float* winner);
/// Where winner = index: out += gradient.
void addWhereWinner(const float* gradient, const float* winner, float index, Index channels,
                    float* out);

}  // namespace clipscope
