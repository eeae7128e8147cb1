// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/session/run_history.h"
#include "engine/session/run_news.h"

namespace clipscope {

/// One use of the data: what it costs to release the weights at its end, and nothing else of it.
struct LedgerEntry {
  int branch = 0;
  std::string name;
  Index steps = 0;   ///< with those that it shares with its parent
  Index shared = 0;  ///< with any other branch: the same steps, or steps with the same noise
  double epsilon = 0;
};

/// What a session used the data for. Every branch of a run is a use: its steps from the fork on
/// draw the noise of their step numbers, as those of the branch it left, under other settings.
///   one release     ε of one branch: as if the others had never been.
///   all, as it was  no ε where two branches have the same noise at a step of their own: their
///                   difference shows gradients that no noise covers. Steps before the fork are the
///                   same release and count once.
///   all, had each branch drawn fresh noise: independent mechanisms, composed.
/// Choosing between branches by what they showed is in none of them (Papernot and Steinke 2021,
/// arXiv:2110.03620).
struct PrivacyLedger {
  std::string accountant;
  double delta = 0;
  std::vector<LedgerEntry> entries;
  bool sharesNoise = false;   ///< then there is no ε of all
  double all = 0;             ///< ε of all branches; ∞ where noise is shared
  double allIndependent = 0;  ///< had their noise been independent
};

/// A lane as a use of the data: a line that comes from no branch and has drawn the same noise at
/// every step. `number` is above those of branches.
BranchLine ledgerLineOf(int lane, std::string name, const RunHistory& history);

/// Of the branches of a run that is on the active one, whose steps are in `history`, and of lanes.
PrivacyLedger privacyLedger(const std::vector<BranchLine>& branches, const RunHistory& history,
                            const std::string& accountant, double delta);

}  // namespace clipscope
