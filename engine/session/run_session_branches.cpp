// SPDX-License-Identifier: GPL-3.0-or-later
// The branches of a session's past: how one begins, is gone to, named and forgotten.
#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/session/run_session.h"

namespace clipscope {

namespace {

/// Branches whose newest checkpoint is kept in memory.
constexpr std::size_t mostTips = 16;

}  // namespace

void RunSession::adoptPending() {
  const Settings change = std::exchange(m_pending, nullptr);
  const Index step = m_trainer.stepsDone() + 1;
  if (!change || *change == *settingsOf(step)) return;
  if (step <= wholeSteps()) {
    const int made = m_tree.add(m_branch, step - 1, change);
    m_summaries[made];
    if (m_recorder) m_recorder->addBranch(m_tree.at(made));
    switchTo(made);
    return;
  }
  forgetUnderWay();
  m_tree.at(m_branch).settings.insert_or_assign(step, change);
  m_branchesChanged = true;
  if (m_recorder) m_recorder->addSettings(m_branch, step, change);
}

void RunSession::forgetUnderWay() {
  m_known = wholeSteps();
  m_knownPhase = m_known > 0 ? std::optional(Phase::Account) : std::nullopt;
}

void RunSession::switchTo(int to) {
  if (to == m_branch) return;
  const Index keep = m_tree.shared(m_branch, to);
  const auto tip = nearest(wholeSteps());
  if (tip->running.done > keep) {
    m_tips.insert_or_assign(m_tree.ownerOf(m_branch, tip->running.done), tip);
    if (m_tips.size() > mostTips) m_tips.erase(m_tips.begin());
  }
  m_astray = m_astray || m_trainer.stepsDone() > keep || isUnderWay(*m_trainer.record());
  m_ring.truncate(keep);
  std::erase_if(m_near, [&](const auto& checkpoint) { return checkpoint->running.done > keep; });
  m_leftDraws.exchange(m_tree, m_branch, to, keep, m_draws);
  m_newsKeep = std::min(m_newsKeep, keep);
  std::erase_if(m_newEvaluations, [&](const auto& entry) { return entry.first > keep; });
  std::erase_if(m_newRefreshes, [&](const auto& refresh) { return refresh->step > keep; });
  m_branch = to;
  forgetUnderWay();
  m_branchesChanged = true;
  if (m_recorder) m_recorder->setActiveBranch(to, wholeSteps());
}

std::shared_ptr<const StepRecord> RunSession::goTo(int branch, Index step, Phase phase,
                                                   std::stop_token stop) {
  if (!m_tree.contains(branch))
    throw SettingError("there is no branch " + std::to_string(branch) + " any more");
  if (branch == m_branch) return goTo(step, phase, stop);
  if (step < 0 || step > m_tree.at(branch).steps)
    throw SettingError("step " + std::to_string(step) + " is not known: " + m_tree.at(branch).name +
                       " has come to step " + std::to_string(m_tree.at(branch).steps));
  const int from = m_branch;
  const Index known = m_known;
  const auto knownPhase = m_knownPhase;
  switchTo(branch);
  try {
    return goTo(step, phase, stop);
  } catch (...) {
    switchTo(from);
    m_known = known;
    m_knownPhase = knownPhase;
    throw;
  }
}

std::shared_ptr<const StepRecord> RunSession::show(int branch, Index step, std::stop_token stop) {
  if (!m_recorder || step == 0 || !m_tree.contains(branch) || step > m_tree.at(branch).steps)
    return goTo(branch, step, Phase::Account, stop);
  // What is at hand shows more than what was recorded.
  if (isSecure()) return goTo(step, Phase::Account, stop);
  showRecorded(branch, step);
  return m_record;
}

void RunSession::showRecorded(int branch, Index step) {
  auto record = m_recorder->read(branch, step);
  switchTo(branch);
  m_record = std::move(record);
  m_settled = false;
}

Index RunSession::replayLength(Index step) const {
  if (isSecure()) return 0;
  const Index before = std::max<Index>(step - 1, 0);
  Index from = nearest(before)->running.done;
  if (m_recorder)
    if (const auto place = m_recorder->atOrBefore(m_tree, m_branch, before))
      from = std::max(from, place->step);
  const Index done = m_trainer.stepsDone();
  if (!m_astray && done <= before) from = std::max(from, done);
  return step - from;
}

void RunSession::renameBranch(int branch, std::string name) {
  if (!m_tree.contains(branch))
    throw SettingError("there is no branch " + std::to_string(branch) + " any more");
  if (name.empty()) throw SettingError("a branch needs a name");
  if (m_recorder) m_recorder->renameBranch(branch, name);
  m_tree.at(branch).name = std::move(name);
  m_branchesChanged = true;
}

void RunSession::pruneBranch(int branch) {
  if (!m_tree.contains(branch))
    throw SettingError("there is no branch " + std::to_string(branch) + " any more");
  if (branch == 0) throw SettingError("the first branch cannot be pruned: the others come from it");
  const auto path = m_tree.pathTo(m_branch);
  if (std::ranges::find(path, branch) != path.end())
    throw SettingError("\"" + m_tree.at(branch).name +
                       "\" cannot be pruned: the run is on it; go to another branch first");
  const auto pruned = m_tree.withDescendants(branch);
  for (const int one : pruned) {
    m_summaries.erase(one);
    m_leftDraws.forget(one);
    m_refreshed.forget(one);
    m_tips.erase(one);
    std::erase_if(m_evaluations, [&](const auto& entry) { return entry.first.first == one; });
  }
  m_tree.prune(branch);
  m_branchesChanged = true;
  if (m_recorder) m_recorder->removeBranches(pruned);
}

}  // namespace clipscope
