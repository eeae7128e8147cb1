// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "engine/tensor/draw_key.h"

namespace clipscope {

/// Standard normals number first, first + 1, … of a stream. Value j depends on (stream, j) alone,
/// so any part of the noise can be drawn again, in any order and on any thread.
///
/// Box–Muller over Philox4x32-10: draw number p of the stream (philox.h) gives two pairs, one from
/// its words x0 and x1, one from x2 and x3. Of a pair's words x and a
///   r = √(−2 ln u), u = (x + ½)/2³². Where x is within 2¹⁶ of an end of its range, it takes 32
///   bits more, y = word 0 (first pair) or 1 (second) of draw p + 2⁶³: u = (⌊w/2⌋ + ½)/2⁶³, w =
///   2³²x + y; t = π/4 · s/2²⁹, s the low 30 bits of a as a signed number; (c, s) = (cos t, sin t),
///   swapped where the top bit of a is set, both negated where the next one is;  values r·c, r·s.
/// Sixteen draws make 64 values: value 64b + 16k + l is value k of draw 16b + l, so that whole
/// vectors are stored as they come. The tail is right: u keeps a precision of 2⁻¹⁶ of itself or
/// better towards 0, down to 2⁻⁶⁴ (|z| up to 9.42), and 1 − u towards 1 as well (a uniform of 32
/// bits would end at 6.7). Vectorised; the same bits with AVX2 and AVX-512, within 4 ulp on others.
void fillNormals(const DrawKey& stream, std::uint64_t first, std::span<float> out);

/// The radius √(−2 ln u) for the 64-bit word w = 2³²x + y, as fillNormals computes it: for tests of
/// the tail that no sample reaches.
float normalRadius(std::uint64_t word);

}  // namespace clipscope
