// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "engine/training/experiment.h"

namespace clipscope {

/// The first field in which two experiments differ, with both values: "max_grad_norm 0.5 → 1"; long
/// values are cut. Empty where they are equal.
std::string describeChange(const Experiment& from, const Experiment& to);

}  // namespace clipscope
