// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/model/layer.h"

namespace clipscope {

/// What the normalisation layers share: an optional scale γ and shift β whose per-sample gradients
/// are small enough to be formed and kept.

/// The ids that exist, of a weight and a bias that may be −1.
std::vector<ParameterId> presentIds(ParameterId weight, ParameterId bias);

/// sums(s, tensor) += Σ_i f(i, s, tensor) g_i for every strategy, example i's formed gradient lying
/// at g + i·stride. Nothing for tensor −1; an example with f = 0 is left out.
void addFormed(const FactorMatrix& factors, Index tensor, const float* g, Index stride, Index size,
               SumSet& sums);

/// Scratch of the calling thread, at least `count` long; it keeps its memory from call to call.
std::vector<double>& threadDoubles(Index count);
std::vector<float>& threadFloats(Index count);

}  // namespace clipscope
