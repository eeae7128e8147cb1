// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <complex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/accounting/accountant.h"
#include "engine/accounting/loss_spectrum.h"

namespace clipscope {

/// Of which history, and where a LatticeSum looks.
struct LossWindow {
  LossGrid grid;
  long lowest = 0;        ///< the least of the N sums that are told apart, in spacings
  double tail = 0;        ///< mass left out at each end of a step
  double roundSteps = 0;  ///< the steps of the history, rounded up
};

/// The distribution of the sum of a history's privacy losses on a lattice.
///
/// What it answers depends on the history and the window alone, to the bit. Between calls it keeps
/// what a history that has grown needs again: all entries but the last as one sum, and of the last
/// one a step.
class LatticeSum {
 public:
  explicit LatticeSum(LossDirection direction) : m_direction(direction) {}

  /// `history`: at least one entry, σ > 0 and q > 0 in all.
  void compose(std::span<const AccountedSteps> history, const LossWindow& window);

  /// The ε ≥ 0 at which δ(ε) of the lattice is `delta`: 0 where it stays below, −∞ where it does
  /// so in a window that begins above 0. `start`: an ε that is not below the answer.
  double crossing(double delta, double start) const;
  /// ln of e^{K(θ) − θε}, which no δ(ε) is above.
  double logMost(double epsilon) const { return m_sum.logMass - m_window.grid.theta * epsilon; }
  const LossSpectrum& spectrum() const { return m_sum; }
  const LossWindow& window() const { return m_window; }

 private:
  /// Σ P(s) and Σ P(s)e^{mh − s}, over sums s = mh and above, divided by a δ.
  struct Value {
    double plain, discounted;
    double curve() const { return plain - discounted; }
  };
  struct Weight {
    long k;
    std::complex<double> plain, discounted;
  };
  LossSpectrum spectrumOf(const AccountedSteps& entry);
  void prepareCrossing();
  Value valueAt(long m, double logDelta) const;

  LossDirection m_direction;
  LossWindow m_window;
  std::vector<AccountedSteps> m_composed;
  LossSpectrum m_composedSpectrum;
  /// Of the last entry asked for; its `steps`: the fewest that it can be taken times.
  std::optional<std::pair<AccountedSteps, StepSpectrum>> m_last;
  LossSpectrum m_sum;
  std::vector<Weight> m_weights;
  double m_plainEnd = 0, m_discountedEnd = 0;
};

}  // namespace clipscope
