// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/sampled_gaussian.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace clipscope {

namespace {

/// (1 + y)^a − 1 − a y for |a y| below 1e-2: the terms of the binomial series from the second on.
double curvature(double y, double a) {
  double coefficient = 0.5 * a * (a - 1) * y * y;
  double sum = coefficient;
  for (int k = 3; k < 40; ++k) {
    coefficient *= (a - k + 1) / k * y;
    sum += coefficient;
    if (std::abs(coefficient) <= 1e-17 * std::abs(sum)) break;
  }
  return sum;
}

}  // namespace

double sampledGaussianRdp(double q, double sigma, double order) {
  if (q == 0) return 0;
  if (sigma == 0) return std::numeric_limits<double>::infinity();
  const double variance = sigma * sigma;
  if (q == 1) return order / (2 * variance);
  // With so little noise A_α is its largest term to every digit.
  const double leading = order * std::log(q) + order * (order - 1) / (2 * variance);
  if (sigma < 0.01) return std::max(0.0, leading) / (order - 1);

  // The weight lies between 0 and z = α, each end a Gaussian of width σ.
  const double low = -12 * sigma;
  const double high = order + 12 * sigma;
  // The branch points at Im z = πσ² ask for steps ∝ σ²; below σ = 0.1 the weight around them is
  // smaller than any digit of the whole.
  double step = sigma / 2.6;
  if (sigma >= 0.1) step = std::min(step, 0.55 * variance);
  const auto points = static_cast<long>(std::ceil((high - low) / step));
  step = (high - low) / static_cast<double>(points);

  const double shift = std::max(0.0, order * (order - 1) / (2 * variance) + order * std::log(q));
  double sum = 0;
  for (long k = 0; k <= points; ++k) {
    const double z = low + step * static_cast<double>(k);
    const double t = (2 * z - 1) / (2 * variance);
    const double weight = -z * z / (2 * variance);
    // ln(1 + qx), x = e^t − 1; for large t without forming e^t.
    const double y = t < 600 ? q * std::expm1(t) : 0;
    if (t < 600 && std::abs(order * y) < 1e-2) {
      sum += curvature(y, order) * std::exp(weight - shift);
      continue;
    }
    const double logarithm = t < 600 ? std::log1p(y) : t + std::log(q);
    sum += std::exp(order * logarithm + weight - shift);
    if (t < 600) sum -= (1 + order * y) * std::exp(weight - shift);
    // For larger t the linear part is below the power by more than a double can show.
  }
  sum *= step / (sigma * std::sqrt(2 * std::numbers::pi));
  const double logA = shift == 0 ? std::log1p(sum) : shift + std::log(sum + std::exp(-shift));
  return std::max(0.0, logA) / (order - 1);
}

}  // namespace clipscope
