// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/branch_lines.h"

#include <algorithm>

#include "engine/training/experiment_change.h"

namespace clipscope {

std::shared_ptr<const std::vector<BranchLine>> branchLines(const BranchTree& tree, int active,
                                                           const OwnSummaries& own) {
  auto made = std::make_shared<std::vector<BranchLine>>();
  for (const Branch& branch : tree.branches()) {
    BranchLine line;
    line.number = branch.number;
    line.parent = branch.parent;
    line.fork = branch.fork;
    line.steps = branch.steps;
    line.name = branch.name;
    line.active = branch.number == active;
    if (branch.parent >= 0)
      line.change = describeChange(*tree.settingsOf(branch.parent, branch.fork + 1),
                                   *branch.settings.begin()->second);
    const auto found = own.find(branch.number);
    if (found != own.end() && !found->second.empty()) {
      line.newest = found->second.back();
      if (!line.active) line.own = found->second;
    }
    made->push_back(std::move(line));
  }
  return made;
}

std::vector<StepSummary> summariesOf(const BranchTree& tree, int branch, const OwnSummaries& own,
                                     Index after) {
  std::vector<StepSummary> found;
  const std::vector<int> path = tree.pathTo(branch);
  for (std::size_t k = 0; k < path.size(); ++k) {
    const Branch& owner = tree.at(path[k]);
    // Of an ancestor, what the next on the way shares with it.
    const Index last = k + 1 < path.size() ? tree.at(path[k + 1]).fork : owner.steps;
    const auto steps = own.find(owner.number);
    if (steps == own.end()) continue;
    for (Index step = std::max(after, owner.fork) + 1; step <= last; ++step)
      found.push_back(steps->second[static_cast<std::size_t>(step - owner.fork - 1)]);
  }
  return found;
}

}  // namespace clipscope
