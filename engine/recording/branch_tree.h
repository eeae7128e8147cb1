// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/training/experiment.h"

namespace clipscope {

/// One line of a run's history. It shares the steps 1 … fork with the branch it left, and has steps
/// of its own behind them. The root, number 0, shares nothing.
struct Branch {
  int number = 0;
  int parent = -1;  ///< −1 for the root
  Index fork = 0;   ///< steps shared with the parent
  std::string name;
  Index steps = 0;  ///< the newest whole step on it; `fork` where it has none of its own
  /// Of its own steps, by the first step that had them; `fork` + 1 has an entry always.
  std::map<Index, std::shared_ptr<const Experiment>> settings;
};

/// The branches of a run: which step belongs to which, and under which settings it ran. A step is
/// named by a branch and a number, and is stored once, by the branch that it was made on: its
/// owner. Numbers are never used again.
class BranchTree {
 public:
  /// A root, "main", with these settings from step 1 on.
  explicit BranchTree(std::shared_ptr<const Experiment> experiment);
  /// From a file. Throws FileError where the branches are no tree with a root, or settings miss.
  explicit BranchTree(std::vector<Branch> branches);

  /// By number, ascending; the root is the first.
  const std::vector<Branch>& branches() const { return m_branches; }
  bool contains(int branch) const { return find(branch) != nullptr; }
  /// Must be there.
  const Branch& at(int branch) const;
  Branch& at(int branch) { return const_cast<Branch&>(std::as_const(*this).at(branch)); }

  /// A new branch that shares the steps 1 … `fork` with `parent`, with these settings behind them.
  /// Where the parent shares more than that with its own parent, it leaves that one. An empty name
  /// becomes "branch 2". Returns its number.
  int add(int parent, Index fork, std::shared_ptr<const Experiment> experiment,
          std::string name = {});
  /// `branch` and those that left it, and theirs: what prune() takes.
  std::vector<int> withDescendants(int branch) const;
  /// Removes it and its descendants. The root cannot be pruned.
  void prune(int branch);

  /// The branch that owns `step` on `branch`, step ≥ 1.
  int ownerOf(int branch, Index step) const;
  /// Settings of `step` on `branch`, step ≥ 1.
  const std::shared_ptr<const Experiment>& settingsOf(int branch, Index step) const;
  /// Steps that two branches share; for one and the same, its steps.
  Index shared(int a, int b) const;
  /// From the root to `branch`.
  std::vector<int> pathTo(int branch) const;

 private:
  const Branch* find(int branch) const;
  std::vector<Branch> m_branches;
  int m_next = 1;
};

}  // namespace clipscope
