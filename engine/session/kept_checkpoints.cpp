// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/kept_checkpoints.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace clipscope {

namespace {

auto orderOf(const KeptCheckpoints::Place& place) { return std::pair(place.branch, place.step); }

}  // namespace

KeptCheckpoints::KeptCheckpoints(Index byteBudget, std::vector<Place> known)
    : m_budget(byteBudget), m_places(std::move(known)) {
  std::ranges::sort(m_places, {}, orderOf);
  for (const Place& place : m_places) m_bytes += place.bytes;
}

std::vector<KeptCheckpoints::Place> KeptCheckpoints::add(const Place& place) {
  m_places.insert(std::ranges::upper_bound(m_places, orderOf(place), {}, orderOf), place);
  m_bytes += place.bytes;
  std::vector<Place> gone;
  while (m_bytes > m_budget) {
    const auto index = leastMissed();
    if (!index) break;
    const auto at = m_places.begin() + static_cast<std::ptrdiff_t>(*index);
    m_bytes -= at->bytes;
    gone.push_back(*at);
    m_places.erase(at);
  }
  return gone;
}

std::optional<std::size_t> KeptCheckpoints::leastMissed() const {
  std::optional<std::size_t> least;
  double leastLoss = std::numeric_limits<double>::infinity();
  Index newest = 0;  // of the branch that is being looked at
  for (std::size_t i = m_places.size(); i-- > 0;) {
    const Place& place = m_places[i];
    const bool isNewest = i + 1 == m_places.size() || m_places[i + 1].branch != place.branch;
    if (isNewest) newest = place.step;
    if (isNewest || place.step == 0) continue;
    const bool isOldest = i == 0 || m_places[i - 1].branch != place.branch;
    // Before the oldest one of a branch lies its parent, for which this is a guess.
    const Index before =
        isOldest ? place.step - (m_places[i + 1].step - place.step) : m_places[i - 1].step;
    const double loss = static_cast<double>(m_places[i + 1].step - before) /
                        static_cast<double>(newest - place.step);
    if (loss < leastLoss) {
      leastLoss = loss;
      least = i;
    }
  }
  return least;
}

void KeptCheckpoints::forget(const std::vector<int>& branches) {
  std::erase_if(m_places, [&](const Place& place) {
    if (std::ranges::find(branches, place.branch) == branches.end()) return false;
    m_bytes -= place.bytes;
    return true;
  });
}

std::optional<KeptCheckpoints::Place> KeptCheckpoints::atOrBefore(const BranchTree& tree,
                                                                  int branch, Index done) const {
  for (;;) {
    const auto after = std::ranges::upper_bound(m_places, std::pair(branch, done), {}, orderOf);
    if (after != m_places.begin() && std::prev(after)->branch == branch) return *std::prev(after);
    if (branch == 0) return std::nullopt;
    done = std::min(done, tree.at(branch).fork);
    branch = tree.at(branch).parent;
  }
}

}  // namespace clipscope
