// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/left_draws.h"

namespace clipscope {

void LeftDraws::exchange(const BranchTree& tree, int from, int to, Index keep,
                         ExampleHistory& history) {
  for (const auto& draws : history.steps())
    if (draws->step > keep) take(tree.ownerOf(from, draws->step), draws);
  history.truncate(keep);
  for (const int owner : tree.pathTo(to)) {
    const auto found = m_draws.find(owner);
    if (found == m_draws.end()) continue;
    std::erase_if(found->second, [&](const auto& entry) {
      const auto& [step, draws] = entry;
      if (step <= keep || step > tree.at(to).steps || tree.ownerOf(to, step) != owner) return false;
      history.append(draws);
      m_bytes -= draws->bytes();
      return true;
    });
  }
}

void LeftDraws::take(int owner, const std::shared_ptr<const StepDraws>& draws) {
  if (!m_draws[owner].emplace(draws->step, draws).second) return;
  m_bytes += draws->bytes();
  while (m_bytes > m_budget) {
    auto& oldest = m_draws.begin()->second;
    if (oldest.empty()) {
      m_draws.erase(m_draws.begin());
      continue;
    }
    m_bytes -= oldest.begin()->second->bytes();
    oldest.erase(oldest.begin());
  }
}

void LeftDraws::forget(int branch) {
  const auto found = m_draws.find(branch);
  if (found == m_draws.end()) return;
  for (const auto& [step, draws] : found->second) m_bytes -= draws->bytes();
  m_draws.erase(found);
}

void LeftDraws::clear() {
  m_draws.clear();
  m_bytes = 0;
}

}  // namespace clipscope
