// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/secure_sum.h"

#include <algorithm>
#include <cassert>

namespace clipscope {

void secureSum(const std::array<std::span<const float>, 4>& draws, std::span<float> out) {
  assert(std::ranges::all_of(draws, [&](const auto& d) { return d.size() == out.size(); }));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = (((draws[0][i] + draws[1][i]) + draws[2][i]) + draws[3][i]) / 2;
}

}  // namespace clipscope
