// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "engine/tensor/draw_key.h"

namespace clipscope {

/// Standard normals number first, first + 1, … of a stream. Value j depends on (stream, j) alone,
/// so any part of the noise can be drawn again, in any order and on any thread.
///
/// Box–Muller over Philox4x32-10: draw number p of the stream (philox.h) gives values 2p and 2p +
/// 1,
///   r = √(−2 ln u), u = (⌊w/2⌋ + ½)/2⁶³ from the 64-bit word w = {x0 low, x1 high};
///   t = π/4 · s/2²⁹, s the low 30 bits of x2 as a signed number; (c, s) = (cos t, sin t), swapped
///   where the top bit of x2 is set, both negated where the next one is;  values r·c, r·s.
/// The tail is right: u keeps its relative precision near 0, down to 2⁻⁶⁴ (|z| up to 9.42), and
/// near 1 as well (a uniform of 32 bits would end at 6.7). Vectorised; the same bits with AVX2 and
/// AVX-512, within 4 ulp on others.
void fillNormals(const DrawKey& stream, std::uint64_t first, std::span<float> out);

/// The radius √(−2 ln u) for the 64-bit word w, as fillNormals computes it: for tests of the tail
/// that no sample reaches.
float normalRadius(std::uint64_t word);

}  // namespace clipscope
