// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// Which samplings an account is made of.
enum class AccountedSampling { None, Poisson, Shuffled, Fixed, Mixed };

/// What adaptive thresholds and samplings other than Poisson hand from one step to the next. Part
/// of a checkpoint: all of it is needed for the next step to come out the same.
struct CarriedState {
  std::vector<double> thresholds;  ///< C_k as they have adapted; empty: the experiment's
  Index shuffleStep = 0;           ///< steps done when shuffling with these batches began
  Index shuffleEpoch = 0;          ///< the epoch that it began with; no order is used twice
  double epochSigma = 0;           ///< the σ that the epoch under way is charged with
  AccountedSampling accounted = AccountedSampling::None;
  bool privateDenominator = false;  ///< a step divided its count by the size drawn: no ε holds
};

}  // namespace clipscope
