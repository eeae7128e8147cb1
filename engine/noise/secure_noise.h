// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

#include "engine/tensor/secure_stream.h"

namespace clipscope {

/// Standard normals for the coordinates from, from + 1, … of tensor `tensor`: each the sum of four
/// normals over two (secure_sum.h), those of every 4,096 coordinates after one that is thrown away,
/// so that they do not begin where a generator's pairs begin. `from` is a multiple of 4,096. This
/// mitigates attacks on floating-point noise (arXiv:2112.05307); it does not make it exact.
void fillSecureNormals(const SecureKey& key, std::uint32_t tensor, std::uint64_t from,
                       std::span<float> out);

/// One normal, made the same way, in double.
double secureNormal(SecureStream& stream);

inline constexpr std::size_t secureChunk = 4096;

}  // namespace clipscope
