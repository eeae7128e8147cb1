// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>

#include "engine/recording/branch_tree.h"
#include "engine/session/example_history.h"

namespace clipscope {

/// The draws of steps that the branch a run is on does not have, by their owners, for when it comes
/// back to them. Bounded in bytes: the lowest branch forgets its oldest first.
class LeftDraws {
 public:
  explicit LeftDraws(Index byteBudget) : m_budget(byteBudget) {}

  /// A switch from branch `from` to `to`, which share the steps 1 … `keep`: takes from `history`
  /// what only the one has, and gives it what is known of the other.
  void exchange(const BranchTree& tree, int from, int to, Index keep, ExampleHistory& history);
  void forget(int branch);
  void clear();
  Index bytes() const { return m_bytes; }

 private:
  void take(int owner, const std::shared_ptr<const StepDraws>& draws);

  Index m_budget;
  Index m_bytes = 0;
  std::map<int, std::map<Index, std::shared_ptr<const StepDraws>>> m_draws;
};

}  // namespace clipscope
