// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/tensor/draw_key.h"
#include "engine/tensor/secure_stream.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// Poisson sampling: every candidate is taken independently with probability `rate` in (0, 1]. The
/// result is in the candidates' order, may be empty, and depends on (key, candidate's position)
/// alone: position i is taken when its 32-bit word of the stream is below rate·2³², the words
/// coming four to a draw. With 32 bits the probability is off by less than 2.4e-10.
void poissonSample(const std::vector<Index>& candidates, double rate, const DrawKey& key,
                   std::vector<Index>& taken);

/// The same from a stream that cannot be drawn again; taken when a uniform of 53 bits is below
/// `rate`.
void poissonSample(const std::vector<Index>& candidates, double rate, SecureStream& stream,
                   std::vector<Index>& taken);

}  // namespace clipscope
