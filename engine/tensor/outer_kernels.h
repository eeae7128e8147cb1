// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// G[o·inputs + i] += Σ_t delta[t·deltaStep + o] x[t·inputStep + i] over `count` positions t, in
/// double: what layers form a single example's gradient from.
void addOuterSum(Index count, const float* delta, Index deltaStep, Index outputs, const float* x,
                 Index inputStep, Index inputs, double* g);

}  // namespace clipscope
