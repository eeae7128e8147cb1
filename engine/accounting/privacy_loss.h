// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

namespace clipscope {

/// Which of two neighbours the privacy loss is taken under: the data with the example (`Remove`: an
/// observer who has seen the run with it compares to the run without it) or without (`Add`).
enum class LossDirection { Remove, Add };

/// The distribution of a privacy loss on the points (first + i)·spacing.
struct LossLattice {
  long first = 0;
  std::vector<double> mass;
  double infinite = 0;  ///< mass at +∞: losses above the highest point
  double raised = 0;    ///< mass that was moved up to the lowest point
  /// Σ over the distribution of e^{θl}(l − below)(above − l), below and above the points beside a
  /// loss l: how far apart a loss was split.
  double spread = 0;
};

/// The privacy loss of one step of the Gaussian mechanism with noise multiplier σ > 0 on a Poisson
/// sample of rate q in (0, 1], one example added or removed:
///   L(x) = ln(1 − q + q e^{(2x − 1)/(2σ²)}),
/// x from (1 − q) N(0, σ²) + q N(1, σ²) for `Remove`; −L(x), x from N(0, σ²), for `Add` (Gopi, Lee,
/// Wutschitz 2021, arXiv:2106.02848; Zhu, Dong, Wang 2022, arXiv:2106.08567).
class PrivacyLoss {
 public:
  /// Each end beyond a mass of `tail` is left out of the range of x.
  PrivacyLoss(double sigma, double sampleRate, LossDirection direction, double tail);

  double loss(double x) const;
  double density(double x) const;
  double from() const { return m_from; }  ///< of x
  double to() const { return m_to; }
  double least() const;  ///< of the losses in that range
  double greatest() const;

  /// Connect-the-dots (Doroshenko et al. 2022, arXiv:2207.04380): each loss is split between the
  /// two points beside it so that its mass and E[e^{−loss}] stay. The lattice has at least the δ(ε)
  /// of the loss at every ε, and equals it at the points. Losses below `floor` are moved up to it.
  LossLattice onLattice(double spacing, double floor, double theta) const;

 private:
  struct Node {
    double loss, density;
  };
  Node nodeAt(double x) const;  ///< both at once, for an integral
  double plainLoss(double x) const;
  double at(double loss) const;  ///< the x that has it
  double above(double x) const;  ///< the mass there
  double below(double x) const;

  double m_sigma, m_q;
  LossDirection m_direction;
  double m_from = 0, m_to = 0;
};

}  // namespace clipscope
