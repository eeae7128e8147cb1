// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <omp.h>

#include <algorithm>
#include <utility>

#include "engine/tensor/float_mode.h"
#include "engine/tensor/shape.h"
#include "engine/tensor/vector_state.h"

namespace clipscope {

/// The part [first, last) of `count` items that thread `thread` of `threads` owns: a fixed rule, so
/// that results do not depend on timing.
inline std::pair<Index, Index> ownedRange(Index count, int thread, int threads) {
  return {count * thread / threads, count * (thread + 1) / threads};
}

/// Calls body(first, last) on the pool's threads for disjoint ranges that cover [0, count). On the
/// calling thread alone when already inside a parallel region, or when `work` (operations in all)
/// would not repay waking the others. They run in the caller's FloatMode. The body must not throw.
template <class Body>
void parallelRanges(Index count, Index work, Body&& body) {
  cleanVectorState();
  const int threads = omp_in_parallel() ? 1 : omp_get_max_threads();
  if (threads == 1 || work < 32768 || count < 2) {
    body(Index{0}, count);
    return;
  }
  const FloatMode mode = FloatMode::current();
#pragma omp parallel num_threads(threads)
  {
    cleanVectorState();
    const FloatModeScope scope(mode);
    const auto [first, last] = ownedRange(count, omp_get_thread_num(), omp_get_num_threads());
    if (first < last) body(first, last);
  }
}

}  // namespace clipscope
