// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/branch_tree.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "engine/error.h"

namespace clipscope {

BranchTree::BranchTree(std::shared_ptr<const Experiment> experiment) {
  Branch root;
  root.name = "main";
  root.settings.emplace(1, std::move(experiment));
  m_branches.push_back(std::move(root));
}

BranchTree::BranchTree(std::vector<Branch> branches) : m_branches(std::move(branches)) {
  const auto damaged = [](const std::string& what) {
    throw FileError("the branches of the recording cannot be understood: " + what +
                    "; it is damaged");
  };
  std::ranges::sort(m_branches, {}, &Branch::number);
  if (m_branches.empty() || m_branches.front().number != 0) damaged("the first one is missing");
  for (std::size_t b = 0; b < m_branches.size(); ++b) {
    const Branch& branch = m_branches[b];
    const std::string name = "branch " + std::to_string(branch.number);
    if (b == 0) {
      if (branch.parent != -1 || branch.fork != 0) damaged("the first one has a parent");
    } else {
      if (branch.number == m_branches[b - 1].number) damaged(name + " is there twice");
      // A branch is younger than the one it left, so that there are no circles.
      const Branch* parent = branch.parent < branch.number ? find(branch.parent) : nullptr;
      if (parent == nullptr) damaged(name + " has no parent");
      if (branch.fork < parent->fork || branch.fork > parent->steps)
        damaged(name + " leaves its parent at step " + std::to_string(branch.fork));
    }
    if (branch.steps < branch.fork) damaged(name + " ends before it begins");
    if (branch.settings.empty() || branch.settings.begin()->first != branch.fork + 1)
      damaged("the settings of the first step of " + name + " are missing");
  }
  m_next = m_branches.back().number + 1;
}

const Branch* BranchTree::find(int branch) const {
  const auto found = std::ranges::lower_bound(m_branches, branch, {}, &Branch::number);
  return found != m_branches.end() && found->number == branch ? &*found : nullptr;
}

const Branch& BranchTree::at(int branch) const {
  const Branch* found = find(branch);
  assert(found != nullptr);
  return *found;
}

int BranchTree::add(int parent, Index fork, std::shared_ptr<const Experiment> experiment,
                    std::string name) {
  while (fork < at(parent).fork) parent = at(parent).parent;
  Branch made;
  made.number = m_next++;
  made.parent = parent;
  made.fork = fork;
  made.name = name.empty() ? "branch " + std::to_string(made.number) : std::move(name);
  made.steps = fork;
  made.settings.emplace(fork + 1, std::move(experiment));
  m_branches.push_back(std::move(made));
  return m_branches.back().number;
}

std::vector<int> BranchTree::withDescendants(int branch) const {
  std::vector<int> found{branch};
  // Children are younger than their parents, so one pass finds them all.
  for (const Branch& other : m_branches)
    if (std::ranges::find(found, other.parent) != found.end()) found.push_back(other.number);
  return found;
}

void BranchTree::prune(int branch) {
  assert(branch != 0);
  const auto pruned = withDescendants(branch);
  std::erase_if(m_branches, [&](const Branch& other) {
    return std::ranges::find(pruned, other.number) != pruned.end();
  });
}

int BranchTree::ownerOf(int branch, Index step) const {
  while (step <= at(branch).fork) branch = at(branch).parent;
  return branch;
}

const std::shared_ptr<const Experiment>& BranchTree::settingsOf(int branch, Index step) const {
  return std::prev(at(ownerOf(branch, step)).settings.upper_bound(step))->second;
}

Index BranchTree::shared(int a, int b) const {
  Index steps = std::min(at(a).steps, at(b).steps);
  // The younger of two branches is no ancestor of the older: going up from it loses nothing.
  while (a != b) {
    if (a < b) std::swap(a, b);
    steps = std::min(steps, at(a).fork);
    a = at(a).parent;
  }
  return steps;
}

std::vector<int> BranchTree::pathTo(int branch) const {
  std::vector<int> path{branch};
  while (at(path.back()).parent >= 0) path.push_back(at(path.back()).parent);
  std::ranges::reverse(path);
  return path;
}

}  // namespace clipscope
