// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "engine/training/what_if/what_if.h"

namespace clipscope {

/// The record of a step as it would be under other rules, for what shows records: its phases Clip
/// and Noise hold `numbers` (evaluated with Detail::Tensors where there is a Gram matrix; else sums
/// and what follows from them are NaN), all else is the step's own. The largest contribution is the
/// largest clipped norm; no gradient is formed for it. Later phases are left out: that step was not
/// taken.
std::shared_ptr<const StepRecord> triedRecord(const StepRecord& step, const WhatIfRules& rules,
                                              const WhatIfNumbers& numbers);

}  // namespace clipscope
