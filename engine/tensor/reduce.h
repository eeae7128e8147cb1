// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <vector>

#include "engine/tensor/parallel.h"

namespace clipscope {

/// Adds up body(first, last), which returns N sums over a range, over [0, count): in chunks of a
/// fixed size on the pool's threads, added in their order, so that the result does not depend on
/// how many threads there are.
template <std::size_t N, class Body>
std::array<double, N> reduceChunks(Index count, Body&& body) {
  constexpr Index chunk = 16384;
  const Index chunks = (count + chunk - 1) / chunk;
  thread_local std::vector<std::array<double, N>> parts;
  parts.resize(static_cast<std::size_t>(chunks));
  std::array<double, N>* out = parts.data();
  parallelRanges(chunks, count, [&](Index from, Index to) {
    for (Index c = from; c < to; ++c) out[c] = body(c * chunk, std::min(count, (c + 1) * chunk));
  });
  std::array<double, N> total{};
  for (Index c = 0; c < chunks; ++c)
    for (std::size_t k = 0; k < N; ++k) total[k] += out[c][k];
  return total;
}

}  // namespace clipscope
