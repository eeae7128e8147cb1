// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "engine/tensor/secure_stream.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// The order in which epoch `epoch` goes through the candidates: a uniform permutation
/// (Fisher–Yates), a pure function of (seed, epoch).
void shuffledOrder(const std::vector<Index>& candidates, std::uint64_t seed, Index epoch,
                   std::vector<Index>& order);
/// The same from a stream that cannot be drawn again.
void shuffledOrder(const std::vector<Index>& candidates, SecureStream& stream,
                   std::vector<Index>& order);

/// Batches of exactly `batch` in an epoch of `count` examples: ⌊count/batch⌋. The examples that are
/// left over at its end sit this epoch out, so that no batch is short.
constexpr Index batchesPerEpoch(Index count, Index batch) { return count / batch; }

/// Batch number `number` of an order: a copy of its rows, ascending.
void takeBatch(const std::vector<Index>& order, Index number, Index batch,
               std::vector<Index>& taken);

}  // namespace clipscope
