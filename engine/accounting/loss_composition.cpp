// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/loss_composition.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clipscope {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr long coarsePoints = 1L << 13;
/// The part of ε that lower and upper end may be apart, where that is affordable.
constexpr double aim = 0.01;

}  // namespace

void LossComposition::sumCumulants(std::span<const AccountedSteps> history) {
  const auto take = [this](const AccountedSteps& entry) -> const LossCumulants& {
    if (!m_lastCumulants || !isSameMechanism(m_lastCumulants->first, entry))
      m_lastCumulants.emplace(entry,
                              PrivacyLoss(entry.sigma, entry.sampleRate, m_direction, m_tail));
    return m_lastCumulants->second;
  };
  const bool isPrefix = m_summed.size() < history.size() &&
                        std::equal(m_summed.begin(), m_summed.end(), history.begin(),
                                   [](const AccountedSteps& a, const AccountedSteps& b) {
                                     return isSameMechanism(a, b) && a.steps == b.steps;
                                   });
  if (!isPrefix) {
    m_summed.clear();
    m_summedCumulants = {};
  }
  while (m_summed.size() + 1 < history.size()) {
    const AccountedSteps& entry = history[m_summed.size()];
    m_summedCumulants.add(take(entry), static_cast<double>(entry.steps));
    m_summed.push_back(entry);
  }
  m_cumulants = m_summedCumulants;
  m_cumulants.add(take(history.back()), static_cast<double>(history.back().steps));
}

LossWindow LossComposition::coarseWindow() {
  // θ + 1 is the order of the Rényi bound's least ε, a little above the ε looked for.
  m_renyi = infinity;
  int tilt = 1;
  for (int k = 1; k <= TiltGrid::most; ++k) {
    const double t = TiltGrid::tilt(k);
    const double value =
        (m_cumulants.at(k) - std::log(m_delta) - std::log1p(t)) / t + std::log(t / (1 + t));
    if (value < m_renyi) {
      m_renyi = value;
      tilt = k;
    }
  }
  // Chernoff: the tilted mass outside is below e^-37 at each end.
  constexpr double outside = 37;
  const double theta = TiltGrid::tilt(tilt), here = m_cumulants.at(tilt);
  double high = infinity, low = -infinity;
  for (int k = tilt + 1; k <= TiltGrid::most; ++k)
    high = std::min(high, (m_cumulants.at(k) - here + outside) / (TiltGrid::tilt(k) - theta));
  for (int k = -TiltGrid::most; k < tilt; ++k)
    low = std::max(low, (here - m_cumulants.at(k) - outside) / (theta - TiltGrid::tilt(k)));
  // Rounded up to a power of √2, so that the lattice stays while a history grows.
  const double width = std::exp2(0.5 * std::ceil(2 * std::log2(1.02 * (high - low))));
  LossWindow window{{theta, width / coarsePoints, coarsePoints}, 0, m_tail, m_roundSteps};
  window.lowest = std::lround(0.5 * (low + high) / window.grid.spacing) - coarsePoints / 2;
  return window;
}

LossWindow LossComposition::fineWindow(std::size_t entries) const {
  const LossGrid& grid = m_coarse.window().grid;
  const double width = grid.spacing * static_cast<double>(grid.points);
  const double epsilon = std::max(estimate(m_coarse), 1e-3 * width);
  // Lower and upper end lie about 1.5 spacings √steps apart, or less, as much as the lattice splits
  // losses less: by the root of what it adds to their variance, which shrinks at least as the root
  // of the spacing.
  const double apart = 4.5 * std::sqrt(m_coarse.spectrum().variance) / (aim * epsilon);
  const double wanted = std::min(width * std::sqrt(m_steps) * 1.5 / (aim * epsilon),
                                 static_cast<double>(coarsePoints) * apart * apart);
  const long most =
      entries == 1 ? 1L << 19
                   : std::clamp((1L << 24) / static_cast<long>(entries), coarsePoints, 1L << 16);
  LossWindow window = m_coarse.window();
  while (static_cast<double>(window.grid.points) < wanted && 2 * window.grid.points <= most) {
    window.grid.points *= 2;
    window.grid.spacing /= 2;
    window.lowest *= 2;
  }
  return window;
}

void LossComposition::compose(std::span<const AccountedSteps> history, double delta) {
  m_steps = 0;
  for (const AccountedSteps& entry : history) m_steps += static_cast<double>(entry.steps);
  m_roundSteps = std::exp2(std::ceil(std::log2(m_steps)));
  // What is cut off at each end of a step is a millionth of δ over all steps.
  const double tail = 1e-6 * delta / m_roundSteps;
  if (tail != m_tail || delta != m_delta) {
    m_lastCumulants.reset();
    m_summed.clear();
    m_summedCumulants = {};
  }
  m_delta = delta;
  m_tail = tail;
  sumCumulants(history);
  m_coarse.compose(history, coarseWindow());
  const LossWindow window = fineWindow(history.size());
  m_sum = window.grid == m_coarse.window().grid ? &m_coarse : &m_fine;
  if (m_sum == &m_fine) m_fine.compose(history, window);
}

double LossComposition::prefactor(double epsilon) const {
  return std::exp(m_sum->logMost(epsilon) - std::log(m_delta));
}

double LossComposition::estimate(const LatticeSum& sum) const {
  const LossWindow& window = sum.window();
  return std::max({0.0, sum.crossing(m_delta, m_renyi),
                   window.grid.spacing * static_cast<double>(window.lowest)});
}

double LossComposition::rounding(double estimate) const {
  return 1e-8 + (1e-14 + 1e-15 * m_steps) * std::min(1e6, prefactor(estimate));
}

double LossComposition::raisedBy() const {
  return 0.5 * (m_sum->window().grid.theta + 1) * m_sum->spectrum().variance;
}

double LossComposition::upper(std::span<const AccountedSteps> history, double delta) {
  return range(history, delta).upper;
}

EpsilonRange LossComposition::range(std::span<const AccountedSteps> history, double delta) {
  compose(history, delta);
  const LossSpectrum& spectrum = m_sum->spectrum();
  EpsilonRange range;
  range.estimate = estimate(*m_sum);
  const double error = rounding(range.estimate);
  // What was cut off above counts as an infinite loss.
  range.upper =
      std::max(range.estimate, m_sum->crossing(delta * (1 - error) - spectrum.infinite, m_renyi));
  for (const double rho : {0.001, 0.01, 0.05}) {
    const double at = m_sum->crossing(delta * (1 + rho + error) + spectrum.raised, m_renyi);
    if (!(at > 0)) continue;
    const double logOdds = std::log(std::max(1.0, prefactor(at) / rho));
    const double h = m_sum->window().grid.spacing, theta = m_sum->window().grid.theta;
    const double slack = std::exp(theta * h), variance = slack * spectrum.variance;
    // The tilt and the preserved E[e^{−loss}] both lean towards the upper point.
    const double drift = 1.01 * (theta * slack + 0.5) * variance;
    const double moved = drift + std::sqrt(2 * slack * variance * logOdds) + 2.0 / 3 * h * logOdds;
    range.lower = std::max(range.lower, at - moved);
  }
  range.lower = std::min(range.lower, range.estimate);
  return range;
}

}  // namespace clipscope
