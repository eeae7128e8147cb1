// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/checkpoint_ring.h"

#include <algorithm>
#include <cassert>

namespace clipscope {

namespace {

Index stepOf(const std::shared_ptr<const TrainerCheckpoint>& checkpoint) {
  return checkpoint->running.done;
}

}  // namespace

template <class Predicate>
void CheckpointRing::forget(Predicate&& which) {
  std::erase_if(m_kept, [&](const std::shared_ptr<const TrainerCheckpoint>& checkpoint) {
    if (!which(stepOf(checkpoint))) return false;
    m_bytes -= checkpoint->bytes();
    return true;
  });
}

void CheckpointRing::add(std::shared_ptr<const TrainerCheckpoint> checkpoint) {
  assert(wants(stepOf(checkpoint)) && (!m_kept.empty() || stepOf(checkpoint) == 0));
  m_bytes += checkpoint->bytes();
  m_kept.push_back(std::move(checkpoint));
  if (m_perLevel == 0 && isOver()) m_perLevel = count();
  if (m_perLevel > 0) thin();
}

void CheckpointRing::thin() {
  const Index newest = stepOf(m_kept.back()) / m_every;
  for (;;) {
    forget([&](Index step) {
      const Index j = step / m_every;
      if (j == 0) return false;
      // The level at which it stands among the fewest newer ones is the highest that it is on.
      const Index spacing = j & -j;
      return newest / spacing - j / spacing >= m_perLevel;
    });
    if (!isOver() || m_perLevel == 1) break;
    --m_perLevel;
  }
  const Index last = stepOf(m_kept.back());
  while (isOver() && count() > 2) {
    const Index oldest = stepOf(m_kept[1]);
    if (oldest == last) break;
    forget([&](Index step) { return step == oldest; });
  }
}

std::shared_ptr<const TrainerCheckpoint> CheckpointRing::atOrBefore(Index done) const {
  const auto after = std::ranges::upper_bound(m_kept, done, {}, stepOf);
  return after == m_kept.begin() ? nullptr : *std::prev(after);
}

void CheckpointRing::truncate(Index done) {
  forget([&](Index step) { return step > std::max<Index>(done, 0); });
}

void CheckpointRing::clear() {
  m_kept.clear();
  m_bytes = 0;
  m_perLevel = 0;
}

std::vector<Index> CheckpointRing::steps() const {
  std::vector<Index> steps;
  for (const auto& checkpoint : m_kept) steps.push_back(stepOf(checkpoint));
  return steps;
}

}  // namespace clipscope
