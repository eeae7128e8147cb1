// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "engine/training/step_record.h"

namespace clipscope {

/// √(Σ_k ‖f_ik g_ik‖²/s_k²) over √(Σ_k C_k²/s_k²) of a row: how much of the sensitivity its clipped
/// gradient used, in 0 … 1, rounded up; 1 where there is none to use (no noise, no clipping).
float usedShare(const ClipFactors& factors, Index row, std::span<const GroupResult> groups,
                double sensitivity);

/// The norms of every training example at the weights and thresholds that a step clipped with,
/// drawn by it or not: what individual accounting asks for at every step (Yu et al. 2022,
/// arXiv:2206.02617), and what a run can afford every R steps. Private: it depends on the data.
struct NormRefresh {
  Index step = 0;
  std::vector<float> norms;   ///< n_i by dataset index; NaN for the examples held out
  std::vector<float> shares;  ///< usedShare() by dataset index; NaN for the examples held out

  bool has(Index example) const {
    return example >= 0 && example < static_cast<Index>(shares.size()) &&
           !std::isnan(shares[static_cast<std::size_t>(example)]);
  }
  Index bytes() const {
    return static_cast<Index>(sizeof(NormRefresh) +
                              (norms.capacity() + shares.capacity()) * sizeof(float));
  }
};

}  // namespace clipscope
