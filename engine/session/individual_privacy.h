// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/session/example_history.h"
#include "engine/training/step_summary.h"

namespace clipscope {

/// The ε of every single example by what its own gradients used of the sensitivity (individual
/// accounting: Feldman and Zrnic 2021, arXiv:2008.11193; Yu et al. 2022, arXiv:2206.02617). At
/// every step, drawn or not, example i has the noise multiplier
///   σ_i = (Σ_k ‖f_ik g_ik‖²/s_k² + K_b/(4σ_b²))^(−1/2)
/// with the step's q; RDP adds up over the steps over 42 of the orders of "rdp-opacus". Its norm is
/// known at steps that drew it, and at those that refreshed the norms of all examples: with every
/// step refreshed both figures below are the exact one. At the others
///   bound     the whole sensitivity is charged: no example costs more than this, as far as the
///             norms go that were seen.
///   estimate  what it used when its norm was known last; the whole sensitivity before that.
/// What an example used is rounded up to a grid of 48 shares, a factor of 2^(1/6) apart. With
/// batches of a fixed size q is 1, and steps that did not draw an example cost it nothing.
///
/// Both are themselves private: they depend on the data.
struct IndividualPrivacy {
  Index steps = 0;       ///< accounted for
  Index knownSteps = 0;  ///< those whose norms are still remembered
  Index refreshes = 0;   ///< those of them that know the norms of all examples
  double delta = 0;
  double worst = 0;                     ///< ε of an example that always uses the whole sensitivity
  std::vector<double> bound, estimate;  ///< by dataset index
  std::vector<Index> draws;             ///< by dataset index: remembered draws

  /// Every norm of every step is known: bound and estimate are what was spent, to the grid.
  bool isExact() const { return steps > 0 && refreshes == steps; }
};

/// Of the steps 1 … summaries.size(), with the draws and the refreshed norms that are remembered of
/// them, ascending; `examples`: in the data set, those held out among them, which no step draws.
/// Throws Cancelled.
IndividualPrivacy individualPrivacy(
    std::span<const StepSummary> summaries, std::span<const std::shared_ptr<const StepDraws>> draws,
    Index examples, double delta, std::stop_token stop = {},
    std::span<const std::shared_ptr<const NormRefresh>> refreshes = {});

/// ε of one example after every step of a Poisson-sampled run whose norm of it is known: drawn or
/// refreshed.
struct IndividualPoint {
  Index step = 0;
  double bound = 0, estimate = 0;  ///< as in IndividualPrivacy, of the steps up to this one
};
std::vector<IndividualPoint> individualEpsilonOver(
    Index example, std::span<const StepSummary> summaries,
    std::span<const std::shared_ptr<const StepDraws>> draws, double delta,
    std::span<const std::shared_ptr<const NormRefresh>> refreshes = {});

}  // namespace clipscope
