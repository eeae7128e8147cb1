// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "engine/recording/branch_tree.h"
#include "engine/recording/recording_reader.h"

namespace clipscope {

/// Which checkpoints of a recording are worth their bytes: all while they fit; beyond the budget
/// the one goes whose absence makes the longest way to replay least longer, measured against how
/// far back it lies: the gap it leaves over its age. Spacing so grows with age. The state before
/// the first step and the newest of each branch always stay.
class KeptCheckpoints {
 public:
  using Place = RecordingReader::CheckpointPlace;

  explicit KeptCheckpoints(Index byteBudget, std::vector<Place> known = {});

  /// Takes one, and says which have to go for it.
  std::vector<Place> add(const Place& place);
  /// Those of these branches are gone.
  void forget(const std::vector<int>& branches);
  /// The newest at most `done` steps in on the way to `branch`.
  std::optional<Place> atOrBefore(const BranchTree& tree, int branch, Index done) const;
  const std::vector<Place>& places() const { return m_places; }
  Index bytes() const { return m_bytes; }

 private:
  std::optional<std::size_t> leastMissed() const;

  Index m_budget;
  std::vector<Place> m_places;  ///< by branch, then step
  Index m_bytes = 0;
};

}  // namespace clipscope
