// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/refreshed_norms.h"

namespace clipscope {

void RefreshedNorms::add(int owner, std::shared_ptr<const NormRefresh> refresh) {
  auto& place = m_made[{refresh->step, owner}];
  if (place) m_bytes -= place->bytes();
  m_bytes += refresh->bytes();
  place = std::move(refresh);
  for (auto& [where, oldest] : m_made) {
    if (m_bytes <= m_budget) break;
    if (!oldest || &oldest == &place) continue;
    m_bytes -= oldest->bytes();
    oldest.reset();
  }
}

std::vector<std::shared_ptr<const NormRefresh>> RefreshedNorms::after(const BranchTree& tree,
                                                                      int branch,
                                                                      Index step) const {
  std::vector<std::shared_ptr<const NormRefresh>> found;
  for (auto at = m_made.upper_bound({step + 1, -1}); at != m_made.end(); ++at) {
    const auto& [place, refresh] = *at;
    const bool isKnown = place.first <= tree.at(branch).steps;
    if (refresh && isKnown && tree.ownerOf(branch, place.first) == place.second)
      found.push_back(refresh);
  }
  return found;
}

void RefreshedNorms::forget(int branch) {
  std::erase_if(m_made, [&](const auto& entry) {
    if (entry.first.second != branch) return false;
    if (entry.second) m_bytes -= entry.second->bytes();
    return true;
  });
}

void RefreshedNorms::clear() {
  m_made.clear();
  m_bytes = 0;
}

}  // namespace clipscope
