// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/model/model.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

Index BlockPlan::count(Index batch) const { return (batch + rows - 1) / rows; }

Index BlockPlan::rowsFor(Index batch) const {
  if (threadPerBlock) return rows;
  const Index blocks = std::max<Index>(1, count(batch));
  return std::max<Index>(1, (batch + blocks - 1) / blocks);
}

std::pair<Index, Index> BlockPlan::range(Index batch, Index block) const {
  if (threadPerBlock) return {block * rows, std::min(batch, (block + 1) * rows)};
  // Even parts: a last block of a few rows would pay a whole pass over the weights for them.
  const Index blocks = count(batch);
  return {batch * block / blocks, batch * (block + 1) / blocks};
}

}  // namespace clipscope
