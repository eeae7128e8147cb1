// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "engine/model/model.h"
#include "engine/tensor/parallel.h"

namespace clipscope {

Index BlockPlan::count(Index batch) const {
  const Index blocks = (batch + rows - 1) / rows;
  if (!threadPerBlock) return blocks;
  // As many for each thread, if there are enough examples.
  return std::min(batch, (blocks + threads - 1) / threads * threads);
}

Index BlockPlan::rowsFor(Index batch) const {
  if (threadPerBlock) return rows;
  const Index blocks = std::max<Index>(1, count(batch));
  return std::max<Index>(1, (batch + blocks - 1) / blocks);
}

std::pair<Index, Index> BlockPlan::range(Index batch, Index block) const {
  const Index blocks = count(batch);
  return {batch * block / blocks, batch * (block + 1) / blocks};
}

}  // namespace clipscope
