// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/recording/branch_tree.h"
#include "engine/training/norm_refresh.h"

namespace clipscope {

/// The norms that a run refreshed, by the step's owner and the step: bounded in bytes, the earliest
/// steps go first.
class RefreshedNorms {
 public:
  explicit RefreshedNorms(Index byteBudget) : m_budget(byteBudget) {}

  void add(int owner, std::shared_ptr<const NormRefresh> refresh);
  /// Also true for one that was made and has gone since: it is not made twice.
  bool wasMade(int owner, Index step) const { return m_made.contains({step, owner}); }
  /// Those of a branch and of its parents, of the steps after `step`.
  std::vector<std::shared_ptr<const NormRefresh>> after(const BranchTree& tree, int branch,
                                                        Index step) const;
  void forget(int branch);
  void clear();

 private:
  /// By step and owner; null for one that has gone.
  std::map<std::pair<Index, int>, std::shared_ptr<const NormRefresh>> m_made;
  Index m_budget;
  Index m_bytes = 0;
};

}  // namespace clipscope
