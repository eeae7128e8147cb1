// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/accounting/accountant.h"

namespace clipscope {

/// Where an ε lies.
struct EpsilonRange {
  double lower = 0, estimate = 0, upper = 0;
};

/// Accounting by the distribution of the privacy loss (Koskela et al. 2020, arXiv:1906.03049; Gopi,
/// Lee, Wutschitz 2021, arXiv:2106.02848): the losses of the steps add up, so their distributions
/// are convolved, by fast Fourier transform, and
///   δ(ε) = E[(1 − e^{ε − L})₊],
/// the larger one of both directions (example added, example removed).
///   upper     From connect-the-dots lattices (PrivacyLoss::onLattice), whose δ(ε) lies above the
///             true one; what was cut off counts as an infinite loss.
///   estimate  The same without what was cut off. It lies above the truth by about the square of
///             the spacing.
///   lower     The splitting of a loss between two points is a martingale: by Bernstein's
///   inequality
///             it moves the sum by more than e with probability κ only, so the true ε is at least
///             that of δ(1 + ρ) less e.
/// Everything is done under the tilted distribution P_θ(l) ∝ e^{θl}P(l), θ such that its mean is
/// about ε (Chernoff): the grid need only reach as far as that one does, and a δ of 1e-12 keeps its
/// digits, which are lost in the rounding of a transform without tilt. The spacing shrinks with ε.
/// Steps with q = 1 are one Gaussian mechanism together; where there are no others, its closed form
/// is the answer.
class PrvAccountant : public Accountant {
 public:
  std::string_view name() const override { return "prv"; }
  bool isBound() const override { return true; }
  void add(double sigma, double sampleRate, std::int64_t steps) override;
  /// The upper end of the range.
  double epsilon(double delta) const override { return epsilonRange(delta).upper; }
  const std::vector<AccountedSteps>& history() const override { return m_history; }
  void setHistory(std::vector<AccountedSteps> history) override { m_history = std::move(history); }

  EpsilonRange epsilonRange(double delta) const;

 private:
  std::vector<AccountedSteps> m_history;
};

}  // namespace clipscope
