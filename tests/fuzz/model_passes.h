// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/model/model.h"

namespace clipscope::fuzz {

/// Takes a few examples through a model, unless it is too large for that: losses are held against
/// the reference network, norms from the passes against those of gradients formed in double.
void checkPasses(const Model& model);

}  // namespace clipscope::fuzz
