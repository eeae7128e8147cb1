// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/gdp_accountant.h"

#include <cmath>
#include <limits>

#include "engine/accounting/gaussian_mechanism.h"

namespace clipscope {

void GdpAccountant::add(double sigma, double sampleRate, std::int64_t steps) {
  addToHistory(m_history, {sigma, sampleRate, steps});
}

double GdpAccountant::mu() const {
  double squares = 0;
  for (const AccountedSteps& entry : m_history) {
    if (entry.sampleRate == 0) continue;
    if (entry.sigma == 0) return std::numeric_limits<double>::infinity();
    const double ratio = 1 / entry.sigma, q = entry.sampleRate;
    squares += static_cast<double>(entry.steps) *
               (q == 1 ? ratio * ratio : q * q * std::expm1(ratio * ratio));
  }
  return std::sqrt(squares);
}

double GdpAccountant::epsilon(double delta) const { return gaussianEpsilon(mu(), delta); }
double GdpAccountant::delta(double epsilon) const { return gaussianDelta(mu(), epsilon); }

}  // namespace clipscope
