// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/recording/branch_tree.h"
#include "engine/session/run_news.h"

namespace clipscope {

/// Scalars of each branch's own steps, fork + 1 …, by its number.
using OwnSummaries = std::map<int, std::vector<StepSummary>>;

/// The branches as a history draws them, for a run that is on `active`.
std::shared_ptr<const std::vector<BranchLine>> branchLines(const BranchTree& tree, int active,
                                                           const OwnSummaries& own);

/// Scalars of the steps beyond `after` on the way along `branch`.
std::vector<StepSummary> summariesOf(const BranchTree& tree, int branch, const OwnSummaries& own,
                                     Index after);

}  // namespace clipscope
