// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/shuffled_sampler.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/tensor/philox.h"

namespace clipscope {

namespace {

template <class Stream>
void shuffle(std::vector<Index>& order, Stream& stream) {
  for (std::size_t left = order.size(); left > 1; --left)
    std::swap(order[left - 1], order[static_cast<std::size_t>(stream.below(left))]);
}

}  // namespace

void shuffledOrder(const std::vector<Index>& candidates, std::uint64_t seed, Index epoch,
                   std::vector<Index>& order) {
  order = candidates;
  RandomStream stream({seed, DrawPurpose::Shuffle, static_cast<std::uint64_t>(epoch), 0});
  shuffle(order, stream);
}

void shuffledOrder(const std::vector<Index>& candidates, SecureStream& stream,
                   std::vector<Index>& order) {
  order = candidates;
  shuffle(order, stream);
}

void takeBatch(const std::vector<Index>& order, Index number, Index batch,
               std::vector<Index>& taken) {
  assert((number + 1) * batch <= static_cast<Index>(order.size()));
  const auto first = order.begin() + static_cast<std::ptrdiff_t>(number * batch);
  taken.assign(first, first + static_cast<std::ptrdiff_t>(batch));
  std::ranges::sort(taken);
}

}  // namespace clipscope
