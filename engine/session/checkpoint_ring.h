// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "engine/training/trainer_checkpoint.h"

namespace clipscope {

/// Checkpoints of a run, dense where it is now and thinner the further back.
///
/// One is taken every k steps. While all fit, all stay. When they pass the budget, w is lowered as
/// far as needed, and of the checkpoints at multiples of k·2^l the newest w stay, for every l:
/// below an age of a steps (counted from the newest checkpoint) there is one no further back than
/// max(k, 2a/(w − 1)). The first one, of step 0, always stays, and so does the newest, whatever the
/// budget. w never rises again before clear(): after truncate() the rest stays as thin as it was.
class CheckpointRing {
 public:
  /// `every` k ≥ 1; at most `maxCount` checkpoints and `byteBudget` bytes.
  CheckpointRing(Index every, Index byteBudget, Index maxCount)
      : m_every(every), m_budget(byteBudget), m_maxCount(maxCount) {}

  /// True when a checkpoint after `done` steps is due: at a multiple of k beyond the newest.
  bool wants(Index done) const {
    return done % m_every == 0 && (m_kept.empty() || done > m_kept.back()->running.done);
  }
  /// Takes one that it wants; the first must be of step 0.
  void add(std::shared_ptr<const TrainerCheckpoint> checkpoint);
  /// The newest at most `done` steps in; null only when empty.
  std::shared_ptr<const TrainerCheckpoint> atOrBefore(Index done) const;
  /// Forgets those after `done` steps, but for the one of step 0.
  void truncate(Index done);
  void clear();

  Index count() const { return static_cast<Index>(m_kept.size()); }
  Index bytes() const { return m_bytes; }
  /// After how many steps each was taken, ascending.
  std::vector<Index> steps() const;
  /// w; 0 while nothing had to be thinned.
  Index keptPerLevel() const { return m_perLevel; }

 private:
  bool isOver() const { return m_bytes > m_budget || count() > m_maxCount; }
  void thin();
  template <class Predicate>
  void forget(Predicate&& which);

  Index m_every, m_budget, m_maxCount;
  std::vector<std::shared_ptr<const TrainerCheckpoint>> m_kept;
  Index m_bytes = 0;
  Index m_perLevel = 0;
};

}  // namespace clipscope
