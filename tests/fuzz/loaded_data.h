// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/data/dataset_loader.h"

namespace clipscope::fuzz {

/// What holds of every data set that a loader gives: a split that covers it, classes and targets in
/// range, values that are finite before and after normalisation. Of a `standardised` one also that
/// no training value is further from the mean than √N standard deviations, which no set of numbers
/// can have.
void checkLoaded(const LoadedData& loaded, bool standardised = false);

}  // namespace clipscope::fuzz
