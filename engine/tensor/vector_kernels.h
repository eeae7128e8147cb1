// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Plain passes over contiguous values, compiled for several instruction sets and chosen at run
/// time (Highway). Sums are accumulated in double, because the squares of norms down to 1e-30 and
/// up to 1e30 leave float's range.

/// Σ x_j²
double sumSquares(const float* x, Index count);
/// Σ x_j y_j
double dotProduct(const float* x, const float* y, Index count);
/// Σ x_j y_j, the second factor in double
double dotProduct(const float* x, const double* y, Index count);
/// Σ x_j², Σ y_j², Σ x_j y_j and Σ (x_j − y_j)² in one pass
struct PairSums {
  double xx = 0, yy = 0, xy = 0, distance = 0;
};
PairSums pairSums(const float* x, const float* y, Index count);
/// Σ x_j² and Σ (x_j − y_j)².
struct NormAndDistance {
  double xx = 0, distance = 0;
};
NormAndDistance normAndDistance(const float* x, const float* y, Index count);
/// out_j = a (x_j + y_j)
void scaledSum(float a, const float* x, const float* y, float* out, Index count);
/// y_j += a x_j
void addScaled(float a, const float* x, float* y, Index count);
/// y_j += Σ_k a_k x_kj, in the order of k: reads and writes y once for all rows
void addScaledRows(const float* a, const float* const* x, Index rows, float* y, Index count);
/// y_j = a x_j
void scaled(float a, const float* x, float* y, Index count);
/// y_j = max(x_j, 0); y may be x
void reluForward(const float* x, float* y, Index count);
/// dx_j = y_j > 0 ? dy_j : 0; dx may be dy
void reluBackward(const float* y, const float* dy, float* dx, Index count);
/// y_rj += b_j for every row
void addBias(const float* bias, float* y, Index rows, Index cols);
/// y_rj = max(y_rj + b_j, 0) for every row
void addBiasRelu(const float* bias, float* y, Index rows, Index cols);
/// G_oj += d_o x_j in double: one example's outer product
void addOuter(const float* d, Index outputs, const float* x, Index inputs, double* g);
/// Σ_oj (d_o x_j)², each product formed in double: the norm of an outer product, entry by entry
double outerSquaredNorm(const float* d, Index outputs, const float* x, Index inputs);
/// Σ x_j and Σ x_j² in one pass
void sumAndSquares(const float* x, Index count, double& sum, double& squares);

}  // namespace clipscope
