// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <span>

namespace clipscope {

/// out = (((z1 + z2) + z3) + z4)/2 in single precision: one normal made of four of the same
/// variance, so that the low bits of a coordinate no longer tell which uniforms it came from
/// (Holohan and Braghin 2021, arXiv:2107.10138, section 5.1, n = 2). The variance stays what it
/// was. All five have the same length.
void secureSum(const std::array<std::span<const float>, 4>& draws, std::span<float> out);

}  // namespace clipscope
