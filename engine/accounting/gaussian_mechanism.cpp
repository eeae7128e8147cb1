// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/gaussian_mechanism.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace clipscope {

namespace {

/// R(t) = Φ(−t)/φ(t) for t ≥ −1.
double millsRatio(double t) {
  constexpr double farOut = 12;
  if (t < farOut)
    return std::sqrt(std::numbers::pi / 2) * std::exp(0.5 * t * t) *
           std::erfc(t / std::numbers::sqrt2);
  // Laplace's continued fraction 1/(t + 1/(t + 2/(t + …))).
  double tail = t;
  for (int k = 40; k >= 1; --k) tail = t + k / tail;
  return 1 / tail;
}

/// R(t) − R(t + μ) for t ≥ −1, μ > 0.
double millsDifference(double t, double mu) {
  // By Taylor where the two would cancel: R' = tR − 1, R'' = R + tR'.
  if (mu < 1e-5) {
    const double ratio = millsRatio(t), slope = t * ratio - 1;
    return -mu * (slope + 0.5 * mu * (ratio + t * slope));
  }
  return millsRatio(t) - millsRatio(t + mu);
}

double density(double t) {
  return std::exp(-0.5 * t * t) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

/// δ at a = μ/2 − ε/μ; it grows with a.
double deltaAt(double mu, double a) {
  if (a <= 1) return density(a) * millsDifference(-a, mu);
  // R(−a) grows without end, Φ(a) does not.
  const double phi = 0.5 * std::erfc(-a / std::numbers::sqrt2);
  return std::max(0.0, phi - density(a) * millsRatio(mu - a));
}

}  // namespace

double gaussianDelta(double mu, double epsilon) {
  if (mu == 0) return 0;
  if (std::isinf(mu)) return 1;
  return std::clamp(deltaAt(mu, 0.5 * mu - epsilon / mu), 0.0, 1.0);
}

double gaussianEpsilon(double mu, double delta) {
  if (mu == 0 || gaussianDelta(mu, 0) <= delta) return 0;
  // In a rather than in ε: δ lies above the target at a = μ/2, where ε = 0, and below every
  // positive double at a = −40; a large μ needs no more halvings than a small one.
  double below = -40, above = std::min(0.5 * mu, 40.0);
  for (int k = 0; k < 200 && above - below > 0; ++k) {
    const double middle = 0.5 * (below + above);
    if (middle == below || middle == above) break;
    (deltaAt(mu, middle) <= delta ? below : above) = middle;
  }
  return std::max(0.0, mu * (0.5 * mu - below));
}

}  // namespace clipscope
