// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/accounting/loss_composition.h"
#include "engine/accounting/rdp_accountant.h"

namespace clipscope {

/// Accounting by the distribution of the privacy loss (Koskela et al. 2020, arXiv:1906.03049; Gopi,
/// Lee, Wutschitz 2021, arXiv:2106.02848): the losses of the steps add up, so their distributions
/// are convolved, by fast Fourier transform, and
///   δ(ε) = E[(1 − e^{ε − L})₊],
/// the larger one of both directions (example added, example removed).
///   upper     From connect-the-dots lattices (PrivacyLoss::onLattice), whose δ(ε) lies above the
///             true one; what was cut off counts as an infinite loss. Never above "rdp".
///   estimate  The same without what was cut off. It lies above the truth by about the square of
///             the spacing.
///   lower     The splitting of a loss between two points is a martingale: by Bernstein's
///             inequality it moves the sum by more than e with probability κ only, so the true ε
///             is at least that of δ(1 + ρ) less e.
/// Everything is done under the tilted distribution P_θ(l) ∝ e^{θl}P(l), θ such that its mean is
/// about ε (Chernoff): the grid need only reach as far as that one does, and a δ of 1e-12 keeps its
/// digits, which are lost in the rounding of a transform without tilt. The spacing shrinks with ε.
/// Steps with q = 1 are one Gaussian mechanism together; where there are no others, its closed form
/// is the answer.
///
/// What was worked out for a history is kept for the one that it grows into: a step more of the
/// same kind costs a sum over some hundred frequencies. One thread at a time, const or not.
class PrvAccountant : public Accountant {
 public:
  std::string_view name() const override { return "prv"; }
  bool isBound() const override { return true; }
  void add(double sigma, double sampleRate, std::int64_t steps) override;
  /// The upper end of the range.
  double epsilon(double delta) const override;
  /// To 1e-6 relative; never below 1e-20 where anything was spent, where it is a bound still.
  double delta(double epsilon) const override;
  EpsilonRange epsilonRange(double delta) const override;
  const std::vector<AccountedSteps>& history() const override { return m_history; }
  void setHistory(std::vector<AccountedSteps> history) override { m_history = std::move(history); }

 private:
  /// The answer where one is known; otherwise m_sampled is what has to be composed.
  std::optional<double> closedForm(double delta) const;
  /// A part of the answer by either direction.
  template <class Part>
  auto ofBoth(Part part) const;
  /// The lesser of an upper end and the Rényi bound, where that may be the lesser one.
  double belowRenyi(double upper, double delta) const;

  std::vector<AccountedSteps> m_history;
  mutable RdpAccountant m_renyi = RdpAccountant::withAllOrders();
  mutable std::vector<AccountedSteps> m_sampled;
  mutable std::int64_t m_composedSteps = 0;  ///< at the last question
  mutable LossComposition m_removed{LossDirection::Remove}, m_added{LossDirection::Add};
};

}  // namespace clipscope
