// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Two factors at rows × columns positions: position (r, t) has the outputs at delta + r·deltaRow +
/// t·deltaStep and the inputs at x + r·inputRow + t·inputStep.
struct OuterSum {
  Index rows = 1, columns = 0;
  const float* delta = nullptr;
  Index deltaRow = 0, deltaStep = 0, outputs = 0;
  const float* x = nullptr;
  Index inputRow = 0, inputStep = 0, inputs = 0;
};
/// G[o·inputs + i] += Σ_{r, t} delta[r, t, o] x[r, t, i], in double: what layers form a single
/// example's gradient from.
void addOuterSum(const OuterSum& factors, double* g);
/// Σ x_j²
double sumSquares(const double* x, Index count);

/// Σ_t over one example stored channels last, in double, of each channel's x − centre, its square,
/// dy and dy (x − centre).
struct CentredSums {
  double x = 0, xx = 0, dy = 0, dyx = 0;
};
void centredSums(const float* x, const float* dy, Index positions, Index channels,
                 const float* centre, CentredSums* sums);

}  // namespace clipscope
