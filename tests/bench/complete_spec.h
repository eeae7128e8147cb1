// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "tests/bench/bench_network.h"

namespace clipscope {

/// The network's layers with every field written out, widths and pairs too, for readers who know
/// neither the defaults nor what follows from the input.
nlohmann::json completeLayers(const BenchNetwork& network);

}  // namespace clipscope
