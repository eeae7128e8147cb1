// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/accounting/lattice_sum.h"
#include "engine/accounting/loss_cumulants.h"

namespace clipscope {

/// The composed privacy loss of a history in one direction, and where its δ(ε) crosses a δ: chooses
/// the tilt, the window and how fine a lattice is needed.
///
/// What it answers depends on the history and δ alone, to the bit; lattices are rounded so that
/// they hold for a while as a history grows.
class LossComposition {
 public:
  explicit LossComposition(LossDirection direction)
      : m_direction(direction), m_coarse(direction), m_fine(direction) {}

  /// `history`: at least one entry, σ > 0 and q > 0 in all; δ in (0, 1).
  EpsilonRange range(std::span<const AccountedSteps> history, double delta);
  /// The upper end alone.
  double upper(std::span<const AccountedSteps> history, double delta);
  /// By about how much the lattice raised the last ε: what it added to the cumulant function at θ,
  /// over θ.
  double raisedBy() const;

 private:
  void compose(std::span<const AccountedSteps> history, double delta);
  void sumCumulants(std::span<const AccountedSteps> history);
  LossWindow coarseWindow();
  /// The same with more points, where a finer lattice is needed and affordable.
  LossWindow fineWindow(std::size_t entries) const;
  double estimate(const LatticeSum& sum) const;
  double rounding(double estimate) const;
  double prefactor(double epsilon) const;

  LossDirection m_direction;
  double m_delta = 0;
  double m_tail = 0;        ///< mass left out at each end of a step
  double m_steps = 0;       ///< of the history
  double m_roundSteps = 0;  ///< the power of 2 above it

  std::vector<AccountedSteps> m_summed;  ///< the entries in m_summedCumulants
  LossCumulants m_summedCumulants, m_cumulants;
  std::optional<std::pair<AccountedSteps, LossCumulants>> m_lastCumulants;  ///< of one step

  double m_renyi = 0;  ///< ε by the least of the Rényi bounds
  LatticeSum m_coarse, m_fine;
  LatticeSum* m_sum = &m_coarse;  ///< the one that answers
};

}  // namespace clipscope
