// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Layer normalisation of one row of `count` values, vectorised; sums are added up in double.

struct RowStatistics {
  float mean = 0;
  float inverseStd = 0;
};

/// μ and 1/√(v + ε), v the biased variance; y_j = (x_j − μ)/√(v + ε) γ_j + β_j. γ and β may be
/// null.
RowStatistics normaliseRow(const float* x, Index count, double epsilon, const float* gamma,
                           const float* beta, float* y);

/// With x̂_j = (x_j − μ)/√(v + ε): weightGradient_j = dy_j x̂_j, biasGradient_j = dy_j, and, where dx
/// is not null, dx_j = (g_j − mean(g) − x̂_j mean(g x̂))/√(v + ε), g = γ dy.
void rowNormGradients(const float* x, const float* dy, Index count, RowStatistics statistics,
                      const float* gamma, float* weightGradient, float* biasGradient, float* dx);

/// sum_j += value_j
void addToDoubles(const float* value, Index count, double* sum);

}  // namespace clipscope
