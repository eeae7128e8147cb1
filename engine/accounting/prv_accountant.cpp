// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/prv_accountant.h"

#include <fftw3.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <limits>
#include <memory>
#include <mutex>

#include "engine/accounting/gaussian_mechanism.h"
#include "engine/accounting/privacy_loss.h"

namespace clipscope {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// ln E e^{sL} of one step, on points close enough to plan with.
class Cumulants {
 public:
  Cumulants(const PrivacyLoss& loss, double steps) : m_steps(steps) {
    constexpr int count = 400;
    const double width = (loss.to() - loss.from()) / count;
    for (int k = 0; k <= count; ++k) {
      const double x = loss.from() + k * width;
      m_losses.push_back(loss.loss(x));
      m_masses.push_back(loss.density(x) * width);
    }
  }

  double steps() const { return m_steps; }
  double ofOneStep(double s) const {
    double most = -infinity, sum = 0;
    for (const double loss : m_losses) most = std::max(most, s * loss);
    for (std::size_t k = 0; k < m_losses.size(); ++k)
      sum += m_masses[k] * std::exp(s * m_losses[k] - most);
    return std::log(sum) + most;
  }

 private:
  double m_steps;
  std::vector<double> m_losses, m_masses;
};

/// Where to look, and how finely.
struct Plan {
  double theta = 0;    ///< the tilt
  double spacing = 0;  ///< of the lattice
  long points = 0;     ///< of it, a power of 2
  long lowest = 0;     ///< the least of the sums that the grid holds, in spacings
};

class Composition {
 public:
  Composition(const std::vector<AccountedSteps>& history, LossDirection direction, double delta)
      : m_delta(delta) {
    for (const AccountedSteps& entry : history) m_steps += static_cast<double>(entry.steps);
    // What is cut off at each end of a step is a millionth of δ over all steps.
    const double tail = 1e-6 * delta / m_steps;
    for (const AccountedSteps& entry : history) {
      m_losses.emplace_back(entry.sigma, entry.sampleRate, direction, tail);
      m_cumulants.emplace_back(m_losses.back(), static_cast<double>(entry.steps));
    }
    makePlan();
    compose();
  }

  EpsilonRange range() const {
    EpsilonRange range;
    range.estimate = std::max(0.0, crossing(1));
    const double rounding =
        1e-8 + 1e-15 * m_steps * std::min(1e6, prefactor(std::max(0.0, range.estimate)));
    range.upper = std::max(range.estimate, crossing(1 - m_infinite / m_delta - rounding));
    for (const double rho : {0.001, 0.01, 0.05}) {
      const double at = crossing(1 + rho + m_raised / m_delta + rounding);
      if (!(at > 0)) continue;
      const double logOdds = std::log(std::max(1.0, prefactor(at) / rho));
      const double h = m_plan.spacing, slack = std::exp(m_plan.theta * h);
      const double variance = slack * m_variance;
      // The tilt and the preserved E[e^{−loss}] both lean towards the upper point.
      const double drift = 1.01 * (m_plan.theta * slack + 0.5) * variance;
      const double moved =
          drift + std::sqrt(2 * slack * variance * logOdds) + 2.0 / 3 * h * logOdds;
      range.lower = std::max(range.lower, at - moved);
    }
    range.lower = std::min(range.lower, range.estimate);
    return range;
  }

 private:
  double cumulant(double s) const {
    double sum = 0;
    for (const Cumulants& one : m_cumulants) sum += one.steps() * one.ofOneStep(s);
    return sum;
  }

  /// e^{K(θ) − θε}/δ: the largest that δ(ε)/δ can be.
  double prefactor(double epsilon) const {
    return std::exp(m_logMass - m_plan.theta * epsilon - std::log(m_delta));
  }

  void makePlan() {
    // θ + 1 is the order of the Rényi bound's least ε, a little above the ε looked for.
    const auto renyi = [&](double t) {
      return (cumulant(t) - std::log(m_delta) - std::log1p(t)) / t + std::log(t / (1 + t));
    };
    double theta = 1, epsilon = infinity;
    for (double t = 1e-2; t < 1e9; t *= 1.25)
      if (const double value = renyi(t); value < epsilon) {
        epsilon = value;
        theta = t;
      }
    const double here = cumulant(theta), difference = 1e-3 * theta;
    const double curvature =
        (cumulant(theta + difference) + cumulant(theta - difference) - 2 * here) /
        (difference * difference);
    const double deviation = std::sqrt(std::max(curvature, 1e-300));
    // Chernoff: the tilted mass outside is below e^-37 at each end.
    constexpr double outside = 37;
    double high = 0, low = 0;
    for (std::size_t k = 0; k < m_losses.size(); ++k) {
      high += m_cumulants[k].steps() * m_losses[k].greatest();
      low += m_cumulants[k].steps() * m_losses[k].least();
    }
    for (double t = 1e-2 / deviation; t < 1e4 / deviation; t *= 1.4) {
      high = std::min(high, (cumulant(theta + t) - here + outside) / t);
      low = std::max(low, (here - cumulant(theta - t) - outside) / t);
    }
    const double width = 1.04 * (high - low);
    // The lower end lies about 1.5 spacings √steps below the upper one: a hundredth of ε is aimed
    // at, as far as the grid stays affordable.
    const double wanted =
        width * std::sqrt(m_steps) * 1.5 / (0.01 * std::max(epsilon, 1e-3 * width));
    const auto groups = static_cast<long>(m_losses.size());
    const long most = std::clamp((1L << 23) / groups, 1L << 13, 1L << 18);
    m_plan.theta = theta;
    m_plan.points = 1L << 13;
    while (static_cast<double>(m_plan.points) < wanted && 2 * m_plan.points <= most)
      m_plan.points *= 2;
    m_plan.spacing = width / static_cast<double>(m_plan.points);
    m_plan.lowest = std::lround(0.5 * (low + high) / m_plan.spacing) - m_plan.points / 2;
  }

  std::size_t slot(long point) const {
    const long rest = point % m_plan.points;
    return static_cast<std::size_t>(rest < 0 ? rest + m_plan.points : rest);
  }

  void compose() {
    const auto size = static_cast<std::size_t>(m_plan.points);
    std::vector<std::complex<double>> one(size / 2 + 1), all(size / 2 + 1, 1.0);
    m_tilted.assign(size, 0.0);
    fftw_plan forward = nullptr, backward = nullptr;
    static std::mutex planning;  // only the execution of plans may run side by side
    {
      const std::lock_guard lock(planning);
      const int points = static_cast<int>(m_plan.points);
      forward = fftw_plan_dft_r2c_1d(points, m_tilted.data(),
                                     reinterpret_cast<fftw_complex*>(one.data()), FFTW_ESTIMATE);
      backward = fftw_plan_dft_c2r_1d(points, reinterpret_cast<fftw_complex*>(all.data()),
                                      m_tilted.data(), FFTW_ESTIMATE);
    }
    for (std::size_t k = 0; k < m_losses.size(); ++k) {
      addStep(k);
      fftw_execute(forward);
      const double steps = m_cumulants[k].steps();
      for (std::size_t n = 0; n < all.size(); ++n) {
        const double size2 = std::norm(one[n]);
        all[n] *= size2 > 0 ? std::polar(std::exp(0.5 * steps * std::log(size2)),
                                         std::remainder(steps * std::arg(one[n]), 2 * M_PI))
                            : 0.0;
      }
    }
    fftw_execute(backward);
    for (double& mass : m_tilted) mass = std::max(0.0, mass / static_cast<double>(size));
    const std::lock_guard lock(planning);
    fftw_destroy_plan(forward);
    fftw_destroy_plan(backward);
  }

  /// The tilted distribution of one step of an entry, folded into m_tilted.
  void addStep(std::size_t k) {
    const PrivacyLoss& loss = m_losses[k];
    const double theta = m_plan.theta, h = m_plan.spacing, steps = m_cumulants[k].steps();
    // Below the floor the tilted mass is under e^-30 over all steps.
    const double floor =
        (m_cumulants[k].ofOneStep(theta) - 30 - std::log(std::max(1.0, m_steps))) / theta;
    const LossLattice lattice = loss.onLattice(h, floor, theta);
    const double reference = loss.greatest();
    std::fill(m_tilted.begin(), m_tilted.end(), 0.0);
    double mass = 0;
    for (std::size_t i = 0; i < lattice.mass.size(); ++i) {
      const long point = lattice.first + static_cast<long>(i);
      const double tilted =
          lattice.mass[i] * std::exp(theta * (static_cast<double>(point) * h - reference));
      mass += tilted;
      m_tilted[slot(point)] += tilted;
    }
    for (double& value : m_tilted) value /= mass;
    m_logMass += steps * (std::log(mass) + theta * reference);
    m_variance += steps * lattice.spread / mass;
    m_infinite += steps * lattice.infinite;
    // What the floor moved does not matter under the tilt; what was cut off below may.
    if (floor <= loss.least()) m_raised += steps * lattice.raised;
  }

  /// The ε at which δ(ε) of the lattice is `target`·δ; −∞ where δ(ε) stays below it.
  double crossing(double target) const {
    const double h = m_plan.spacing, decay = std::exp(-h);
    double above = 0, discounted = 0;  // Σ P(s)/δ, and Σ P(s)/δ · e^{at − s}, over sums s above
    for (long point = m_plan.lowest + m_plan.points - 1; point >= m_plan.lowest; --point) {
      const double at = static_cast<double>(point) * h;
      if (above - discounted >= target) return at + std::log((above - target) / discounted);
      const double mass = m_tilted[slot(point)] * prefactor(at);
      above += mass;
      discounted = (discounted + mass) * decay;
    }
    return -infinity;
  }

  double m_delta, m_steps = 0;
  std::vector<PrivacyLoss> m_losses;
  std::vector<Cumulants> m_cumulants;
  Plan m_plan;
  std::vector<double> m_tilted;
  double m_logMass = 0, m_variance = 0, m_infinite = 0, m_raised = 0;
};

}  // namespace

void PrvAccountant::add(double sigma, double sampleRate, std::int64_t steps) {
  addToHistory(m_history, {sigma, sampleRate, steps});
}

EpsilonRange PrvAccountant::epsilonRange(double delta) const {
  std::vector<AccountedSteps> sampled;
  double squares = 0;
  for (const AccountedSteps& entry : m_history) {
    if (entry.sampleRate == 0) continue;
    if (entry.sigma == 0) return {infinity, infinity, infinity};
    if (entry.sampleRate == 1)
      squares += static_cast<double>(entry.steps) / (entry.sigma * entry.sigma);
    else
      sampled.push_back(entry);
  }
  if (sampled.empty()) {
    const double exact = gaussianEpsilon(std::sqrt(squares), delta);
    return {exact, exact, exact};
  }
  if (squares > 0) sampled.push_back({1 / std::sqrt(squares), 1, 1});
  const EpsilonRange removed = Composition(sampled, LossDirection::Remove, delta).range();
  const EpsilonRange added = Composition(sampled, LossDirection::Add, delta).range();
  return {std::max(removed.lower, added.lower), std::max(removed.estimate, added.estimate),
          std::max(removed.upper, added.upper)};
}

}  // namespace clipscope
