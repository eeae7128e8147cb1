// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/privacy_loss.h"

#include <algorithm>
#include <boost/math/quadrature/gauss.hpp>
#include <cmath>
#include <limits>
#include <numbers>

namespace clipscope {

namespace {

double upperTail(double t) { return 0.5 * std::erfc(t / std::numbers::sqrt2); }

/// Above it e^z is the whole of 1 − q + q e^z.
constexpr double farLoss = 500;

}  // namespace

PrivacyLoss::PrivacyLoss(double sigma, double sampleRate, LossDirection direction, double tail)
    : m_sigma(sigma), m_q(sampleRate), m_direction(direction) {
  constexpr double farOut = 38;  // in σ: every positive double lies within
  double low = 0, high = farOut * sigma + 1;
  for (int k = 0; k < 60; ++k) {
    const double middle = 0.5 * (low + high);
    (above(middle) > tail ? low : high) = middle;
  }
  m_to = high;
  low = -farOut * sigma;
  high = 0.5;
  for (int k = 0; k < 60; ++k) {
    const double middle = 0.5 * (low + high);
    (below(middle) > tail ? high : low) = middle;
  }
  m_from = low;
}

double PrivacyLoss::plainLoss(double x) const {
  const double z = (2 * x - 1) / (2 * m_sigma * m_sigma);
  if (m_q == 1) return z;
  if (z > farLoss) return z + std::log(m_q);
  return std::abs(z) < 1 ? std::log1p(m_q * std::expm1(z)) : std::log(1 - m_q + m_q * std::exp(z));
}

double PrivacyLoss::loss(double x) const {
  return m_direction == LossDirection::Remove ? plainLoss(x) : -plainLoss(x);
}

double PrivacyLoss::density(double x) const {
  const double scale = std::numbers::inv_sqrtpi / std::numbers::sqrt2 / m_sigma;
  const double without = x / m_sigma, with = (x - 1) / m_sigma;
  const double q = m_direction == LossDirection::Remove ? m_q : 0;
  return scale * ((1 - q) * std::exp(-0.5 * without * without) +
                  (q > 0 ? q * std::exp(-0.5 * with * with) : 0));
}

double PrivacyLoss::above(double x) const {
  const double q = m_direction == LossDirection::Remove ? m_q : 0;
  return (1 - q) * upperTail(x / m_sigma) + q * upperTail((x - 1) / m_sigma);
}

double PrivacyLoss::below(double x) const {
  const double q = m_direction == LossDirection::Remove ? m_q : 0;
  return (1 - q) * upperTail(-x / m_sigma) + q * upperTail((1 - x) / m_sigma);
}

double PrivacyLoss::at(double loss) const {
  const double plain = m_direction == LossDirection::Remove ? loss : -loss;
  double z = plain;
  if (m_q < 1 && plain > farLoss) {
    z = plain - std::log(m_q);
  } else if (m_q < 1) {
    const double excess = std::expm1(plain) / m_q;
    z = excess <= -1 ? -std::numeric_limits<double>::infinity() : std::log1p(excess);
  }
  return std::clamp(m_sigma * m_sigma * z + 0.5, m_from, m_to);
}

double PrivacyLoss::least() const { return std::min(loss(m_from), loss(m_to)); }
double PrivacyLoss::greatest() const { return std::max(loss(m_from), loss(m_to)); }

PrivacyLoss::Node PrivacyLoss::nodeAt(double x) const {
  const double z = (2 * x - 1) / (2 * m_sigma * m_sigma);
  if (z > farLoss) return {loss(x), density(x)};
  const double excess = m_q * std::expm1(z);  // of the likelihood ratio over 1
  double plain = z;
  if (m_q < 1) plain = excess > -0.5 ? std::log1p(excess) : std::log(1 - m_q + m_q * std::exp(z));
  const double t = x / m_sigma;
  const double without =
      std::numbers::inv_sqrtpi / std::numbers::sqrt2 / m_sigma * std::exp(-0.5 * t * t);
  return m_direction == LossDirection::Remove ? Node{plain, without * (1 + excess)}
                                              : Node{-plain, without};
}

LossLattice PrivacyLoss::onLattice(double spacing, double floor, double theta) const {
  const bool rises = m_direction == LossDirection::Remove;  // the loss with x
  const double lowest = std::max(least(), floor), highest = greatest();
  const long first = std::lround(std::floor(lowest / spacing));
  const long last = std::max(first, std::lround(std::floor(highest / spacing))) + 1;
  LossLattice lattice;
  lattice.first = first;
  lattice.mass.assign(static_cast<std::size_t>(last - first + 1), 0.0);

  // Gauss's rule of n points has an error of 2e-10 of a Gaussian's mass on pieces this wide.
  const double narrow = 0.03 * m_sigma, widest = 0.5 * m_sigma;
  const double whole = -std::expm1(-spacing);
  // 1 − e^{−over}
  const auto fraction = [small = spacing < 0.02](double over) {
    return small ? over * (1 - over / 2 * (1 - over / 3 * (1 - over / 4 * (1 - over / 5))))
                 : -std::expm1(-over);
  };
  double start = lowest > least() ? at(lowest) : rises ? m_from : m_to;
  lattice.raised = rises ? below(start) : above(start);
  lattice.mass[0] += lattice.raised;
  for (long point = first; point < last; ++point) {
    const double end =
        point + 1 == last ? (rises ? m_to : m_from) : at(static_cast<double>(point + 1) * spacing);
    const double bottom = static_cast<double>(point) * spacing;
    double lower = 0, upper = 0, spread = 0;
    const auto take = [&](double x, double weight) {
      const Node node = nodeAt(x);
      const double mass = weight * node.density;
      const double over = std::clamp(node.loss - bottom, 0.0, spacing);
      const double up = std::min(1.0, fraction(over) / whole);
      lower += mass * (1 - up);
      upper += mass * up;
      spread += mass * over * (spacing - over);
    };
    const auto integrate = [&]<unsigned count>(double centre, double half) {
      using Rule = boost::math::quadrature::gauss<double, count>;
      for (std::size_t n = 0; n < Rule::abscissa().size(); ++n) {
        const double offset = half * Rule::abscissa()[n];
        const double weight = std::abs(half) * Rule::weights()[n];
        take(centre + offset, weight);
        take(centre - offset, weight);
      }
    };
    if (std::abs(end - start) < narrow) {
      integrate.template operator()<2>(0.5 * (start + end), 0.5 * (end - start));
    } else {
      const int pieces = static_cast<int>(std::ceil(std::abs(end - start) / widest));
      const double width = (end - start) / pieces;
      for (int k = 0; k < pieces; ++k)
        integrate.template operator()<4>(start + (k + 0.5) * width, 0.5 * width);
    }
    const auto slot = static_cast<std::size_t>(point - first);
    lattice.mass[slot] += lower;
    lattice.mass[slot + 1] += upper;
    lattice.spread += std::exp(theta * (bottom - highest)) * spread;
    start = end;
  }
  lattice.infinite = rises ? above(m_to) : below(m_from);
  return lattice;
}

}  // namespace clipscope
