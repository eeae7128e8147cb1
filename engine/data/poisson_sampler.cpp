// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/poisson_sampler.h"

#include <cmath>

#include "engine/tensor/philox.h"

namespace clipscope {

void poissonSample(const std::vector<Index>& candidates, double rate, const DrawKey& key,
                   std::vector<Index>& taken) {
  taken.clear();
  const auto limit = static_cast<std::uint64_t>(std::llround(rate * 0x1p32));
  const auto philoxKeyWords = philoxKey(key);
  for (std::size_t start = 0; start < candidates.size(); start += 4) {
    const auto words = philox4x32(philoxCounter(key, start / 4), philoxKeyWords);
    for (std::size_t k = 0; k < 4 && start + k < candidates.size(); ++k)
      if (words[k] < limit) taken.push_back(candidates[start + k]);
  }
}

void poissonSample(const std::vector<Index>& candidates, double rate, SecureStream& stream,
                   std::vector<Index>& taken) {
  taken.clear();
  for (const Index candidate : candidates)
    if (stream.uniform() < rate) taken.push_back(candidate);
}

}  // namespace clipscope
