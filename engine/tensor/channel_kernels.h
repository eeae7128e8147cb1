// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Passes over one example stored channels last: `positions` rows of `channels` values, with one
/// coefficient a channel. Sums run in float over short stretches that are added up in double.
/// The normalisation layers are made of these.

/// sum[c] = Σ_t x[t, c]
void channelSums(const float* x, Index positions, Index channels, double* sum);
/// sum[c] = Σ_t (x[t, c] − centre[c])²
void channelSquares(const float* x, Index positions, Index channels, const float* centre,
                    double* sum);
/// y[t, c] = (x[t, c] − centre[c]) scale[c] + shift[c], and with `relu` 0 for what is below
void channelAffine(const float* x, Index positions, Index channels, const float* centre,
                   const float* scale, const float* shift, bool relu, float* y);
/// plain[c] = Σ_t dy[t, c]; weighted[c] = Σ_t dy[t, c] (x[t, c] − centre[c]) scale[c]. Where `y` is
/// given, the output of a ReLU, dy becomes 0 first where y is.
void channelGradientSums(const float* x, const float* y, float* dy, Index positions, Index channels,
                         const float* centre, const float* scale, double* plain, double* weighted);
/// dx[t, c] = a[c] dy[t, c] + b[c] (x[t, c] − centre[c]) + offset[c]
void channelBackward(const float* x, const float* dy, Index positions, Index channels,
                     const float* centre, const float* a, const float* b, const float* offset,
                     float* dx);

}  // namespace clipscope
