// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Element-wise functions with exponentials and their gradients, vectorised, good to a few units in
/// the last place. NaN gives NaN, and every function has its limits at ±∞.

/// y = tanh x
void tanhForward(const float* x, float* y, Index count);
/// dx = dy (1 − y²)
void tanhBackward(const float* y, const float* dy, float* dx, Index count);
/// y = σ(x) = 1/(1 + e^−x)
void sigmoidForward(const float* x, float* y, Index count);
/// dx = dy y (1 − y)
void sigmoidBackward(const float* y, const float* dy, float* dx, Index count);
/// y = x σ(x)
void siluForward(const float* x, float* y, Index count);
/// dx = dy (σ(x) + x σ(x) (1 − σ(x)))
void siluBackward(const float* x, const float* dy, float* dx, Index count);
/// y = x Φ(x), whose left tail keeps its relative precision
void geluForward(const float* x, float* y, Index count);
/// dx = dy (Φ(x) + x φ(x))
void geluBackward(const float* x, const float* dy, float* dx, Index count);

}  // namespace clipscope
