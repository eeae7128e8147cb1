// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/lattice_sum.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/accounting/loss_cumulants.h"

namespace clipscope {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// 1 − e^{−decay + i angle}.
std::complex<double> oneMinus(double decay, double angle) {
  const double size = std::exp(-decay), half = std::sin(0.5 * angle);
  return {-std::expm1(-decay) + 2 * size * half * half, -size * std::sin(angle)};
}

}  // namespace

LossSpectrum LatticeSum::spectrumOf(const AccountedSteps& entry) {
  const bool isKept =
      m_last && isSameMechanism(m_last->first, entry) && m_last->first.steps <= entry.steps;
  if (!isKept) {
    AccountedSteps least = entry;
    least.steps = static_cast<std::int64_t>(
        std::exp2(std::floor(std::log2(static_cast<double>(entry.steps)))));
    const PrivacyLoss loss(entry.sigma, entry.sampleRate, m_direction, m_window.tail);
    // Below the floor the tilted mass is under e^-30 over all steps.
    const double theta = m_window.grid.theta;
    const double floor =
        (LossCumulants::of(loss, theta) - 30 - std::log(m_window.roundSteps)) / theta;
    m_last.emplace(least,
                   StepSpectrum(loss, m_window.grid, floor, static_cast<double>(least.steps)));
  }
  return m_last->second.times(static_cast<double>(entry.steps));
}

void LatticeSum::compose(std::span<const AccountedSteps> history, const LossWindow& window) {
  const bool isSameLattice = window.grid == m_window.grid && window.tail == m_window.tail &&
                             window.roundSteps == m_window.roundSteps;
  if (!isSameLattice) m_last.reset();
  const bool isPrefix = m_composed.size() < history.size() &&
                        std::equal(m_composed.begin(), m_composed.end(), history.begin(),
                                   [](const AccountedSteps& a, const AccountedSteps& b) {
                                     return isSameMechanism(a, b) && a.steps == b.steps;
                                   });
  if (!isSameLattice || !isPrefix) m_composed.clear();
  m_window = window;
  while (m_composed.size() + 1 < history.size()) {
    const AccountedSteps& entry = history[m_composed.size()];
    LossSpectrum next = spectrumOf(entry);
    if (m_composed.empty())
      m_composedSpectrum = std::move(next);
    else
      m_composedSpectrum.add(next);
    m_composed.push_back(entry);
  }
  m_sum = spectrumOf(history.back());
  if (!m_composed.empty()) {
    LossSpectrum all = m_composedSpectrum;
    all.add(m_sum);
    m_sum = std::move(all);
  }
  prepareCrossing();
}

// With P_n the tilted mass of the sum nh, of period N in n, and E the end of the window,
//   Σ_{n = m}^{E − 1} P_n e^{−θnh} = Σ_k φ_k/N · (r_k^m − r_k^E)/(1 − r_k),  r_k = e^{iω_k − θh},
// over all frequencies: a geometric series each, and only those where φ is not negligible count. No
// transform back is needed, and one value costs as many terms as there are such frequencies.
void LatticeSum::prepareCrossing() {
  const LossGrid& grid = m_window.grid;
  const double points = static_cast<double>(grid.points);
  m_weights.clear();
  m_plainEnd = m_discountedEnd = 0;
  for (const LossSpectrum::Bin& bin : m_sum.bins) {
    const double angle = 2 * M_PI * static_cast<double>(bin.k) / points;
    const double share = (bin.k == 0 || 2 * bin.k == grid.points ? 1 : 2) / points;
    const Weight weight{bin.k, share * bin.value / oneMinus(grid.theta * grid.spacing, angle),
                        share * bin.value / oneMinus((grid.theta + 1) * grid.spacing, angle)};
    // N spacings are a whole period of every frequency: the end is where the window begins.
    const long turns = (bin.k * m_window.lowest) & (grid.points - 1);
    const auto turn = std::polar(1.0, 2 * M_PI * static_cast<double>(turns) / points);
    m_plainEnd += (weight.plain * turn).real();
    m_discountedEnd += (weight.discounted * turn).real();
    m_weights.push_back(weight);
  }
}

LatticeSum::Value LatticeSum::valueAt(long m, double logDelta) const {
  const LossGrid& grid = m_window.grid;
  const double step = 2 * M_PI / static_cast<double>(grid.points);
  double plain = 0, discounted = 0;
  for (const Weight& weight : m_weights) {
    const double angle = step * static_cast<double>((weight.k * m) & (grid.points - 1));
    const double cosine = std::cos(angle), sine = std::sin(angle);
    plain += weight.plain.real() * cosine - weight.plain.imag() * sine;
    discounted += weight.discounted.real() * cosine - weight.discounted.imag() * sine;
  }
  const double above = grid.spacing * static_cast<double>(m_window.lowest + grid.points - m);
  const double scale = std::exp(logMost(grid.spacing * static_cast<double>(m)) - logDelta);
  return {scale * (plain - std::exp(-grid.theta * above) * m_plainEnd),
          scale * (discounted - std::exp(-(grid.theta + 1) * above) * m_discountedEnd)};
}

double LatticeSum::crossing(double delta, double start) const {
  const double h = m_window.grid.spacing, logDelta = std::log(delta);
  const long end = m_window.lowest + m_window.grid.points;
  // ε − mh where the curve crosses δ between m − 1 and m, which it is linear on in e^ε.
  const auto within = [](const Value& value) {
    return value.plain > 1 && value.discounted > 0 ? std::log((value.plain - 1) / value.discounted)
                                                   : -infinity;
  };
  // Newton's method on the logarithm of the curve, leftwards from the start: far to the left the
  // curve is lost in the rounding of the transform, which grows as e^{−θε}.
  const long first = std::max(0L, m_window.lowest);
  if (first >= end) return -infinity;
  long low = first - 1, high = end;
  bool isLowSeen = false;  // the curve is above δ at `low`
  long m = std::clamp(std::lround(std::min(start / h, static_cast<double>(end))), first, end - 1);
  long stride = 1 + (end - first) / 256;
  for (int round = 1; high - low > 1; ++round) {
    const Value value = valueAt(m, logDelta);
    const double inside = within(value), curve = value.curve();
    const bool isInside = inside <= 0 && inside >= -h;
    if (isInside && (m > first || first > 0)) return h * static_cast<double>(m) + inside;
    if (curve >= 1) {
      low = m;
      isLowSeen = true;
    } else {
      if (m == first) return first > 0 ? -infinity : 0.0;
      high = m;
    }
    long next = isLowSeen ? low + (high - low) / 2 : high - stride;
    stride *= 2;
    if (curve > 0 && value.discounted > 0 && round % 4 != 0) {
      const double step = std::log(curve) * curve / value.discounted / h;
      if (std::abs(step) < static_cast<double>(end - first))
        next = m + std::lround(std::ceil(step));
    }
    m = std::clamp(next, low + 1, high - 1);
  }
  return h * static_cast<double>(high) + std::clamp(within(valueAt(high, logDelta)), -h, 0.0);
}

}  // namespace clipscope
