// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/privacy_ledger.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "engine/session/spent_history.h"

namespace clipscope {

namespace {

class Lines {
 public:
  Lines(const std::vector<BranchLine>& lines, const RunHistory& history) : m_history(history) {
    for (const BranchLine& line : lines) m_lines[line.number] = &line;
  }

  Index stepsOf(const BranchLine& line) const {
    return line.active ? m_history.steps() : line.steps;
  }
  /// Of a branch, step by step from 1 to `last`.
  std::vector<StepSummary> summaries(const BranchLine& line, Index last) const {
    if (line.active) {
      const auto& all = m_history.summaries();
      return {all.begin(), all.begin() + std::min(last, m_history.steps())};
    }
    const auto parent = m_lines.find(line.parent);
    std::vector<StepSummary> found;
    if (parent != m_lines.end()) found = summaries(*parent->second, std::min(last, line.fork));
    for (const StepSummary& summary : line.own)
      if (summary.step <= last) found.push_back(summary);
    return found;
  }
  /// Steps that two branches have in common.
  Index common(const BranchLine& a, const BranchLine& b) const {
    const auto ours = reach(a), theirs = reach(b);
    Index most = 0;
    for (const auto& [branch, steps] : ours)
      if (const auto other = theirs.find(branch); other != theirs.end())
        most = std::max(most, std::min(steps, other->second));
    return most;
  }

 private:
  /// How far a branch follows each of those that it comes from, and itself.
  std::map<int, Index> reach(const BranchLine& line) const {
    std::map<int, Index> found;
    const BranchLine* at = &line;
    Index steps = stepsOf(line);
    for (;;) {
      found[at->number] = steps;
      const auto parent = m_lines.find(at->parent);
      if (parent == m_lines.end() || found.contains(at->parent)) return found;
      steps = std::min(steps, at->fork);
      at = parent->second;
    }
  }

  const RunHistory& m_history;
  std::map<int, const BranchLine*> m_lines;
};

}  // namespace

BranchLine ledgerLineOf(int lane, std::string name, const RunHistory& history) {
  constexpr int beyondBranches = 1 << 24;
  BranchLine line;
  line.number = beyondBranches + lane;
  line.name = std::move(name);
  line.steps = history.steps();
  line.own = history.summaries();
  return line;
}

PrivacyLedger privacyLedger(const std::vector<BranchLine>& branches, const RunHistory& history,
                            const std::string& accountant, double delta) {
  PrivacyLedger ledger;
  ledger.accountant = accountant;
  ledger.delta = delta;
  const Lines lines(branches, history);
  const auto epsilonOf = [&](std::vector<AccountedSteps> entries) {
    const auto judge = makeAccountant(accountant);
    judge->setHistory(std::move(entries));
    return judge->epsilon(delta);
  };
  std::vector<AccountedSteps> everything;
  for (std::size_t k = 0; k < branches.size(); ++k) {
    const BranchLine& line = branches[k];
    LedgerEntry entry{line.number, line.name, lines.stepsOf(line), 0, 0};
    const std::vector<StepSummary> all = lines.summaries(line, entry.steps);
    SpentHistory spent, further;
    spent.append(all);
    entry.epsilon = epsilonOf(spent.entries());
    Index counted = 0;  // steps that an earlier branch has brought in already
    for (std::size_t other = 0; other < branches.size(); ++other) {
      if (other == k) continue;
      const Index common = lines.common(line, branches[other]);
      const Index both = std::min(entry.steps, lines.stepsOf(branches[other]));
      entry.shared = std::max(entry.shared, both - common);
      if (other < k) counted = std::max(counted, common);
    }
    for (const StepSummary& summary : all)
      if (summary.step > counted) further.append(summary);
    for (const AccountedSteps& steps : further.entries()) addToHistory(everything, steps);
    ledger.sharesNoise = ledger.sharesNoise || entry.shared > 0;
    ledger.entries.push_back(std::move(entry));
  }
  ledger.allIndependent = epsilonOf(everything);
  ledger.all = ledger.sharesNoise ? std::numeric_limits<double>::infinity() : ledger.allIndependent;
  return ledger;
}

}  // namespace clipscope
