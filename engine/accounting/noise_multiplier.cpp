// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/noise_multiplier.h"

#include <algorithm>
#include <boost/math/tools/toms748_solve.hpp>
#include <cmath>
#include <cstdio>
#include <optional>

#include "engine/accounting/accountant.h"
#include "engine/accounting/rdp_search.h"
#include "engine/error.h"

namespace clipscope {

double noiseMultiplierFor(const std::string& accountant, const NoiseTarget& target,
                          const NoiseSearch& search) {
  if (!(target.epsilon > 0 && std::isfinite(target.epsilon)))
    throw SettingError("epsilon must be above 0");
  if (!(target.delta > 0 && target.delta < 1)) throw SettingError("delta must lie between 0 and 1");
  if (!(target.sampleRate >= 0 && target.sampleRate <= 1))
    throw SettingError("sample rate must be from 0 to 1");
  if (target.steps < 0) throw SettingError("steps must be 0 or more");
  // Rényi accountants find their best order from one σ to the next.
  std::optional<RdpAccountant> orders;
  if (accountant == "rdp-opacus") orders.emplace(RdpAccountant::withOpacusOrders());
  if (accountant == "rdp") orders.emplace(RdpAccountant::withAllOrders());
  std::optional<RdpSearch> renyi;
  if (orders) renyi.emplace(*orders, target.sampleRate, target.steps, target.delta);
  const auto epsilonOf = [&](double sigma) {
    if (renyi) return renyi->epsilon(sigma);
    const auto judge = makeAccountant(accountant);
    judge->add(sigma, target.sampleRate, target.steps);
    return judge->epsilon(target.delta);
  };
  if (epsilonOf(0) <= target.epsilon) return 0;

  // ε falls as σ grows: the answer is held between a σ that is too small and one that is enough.
  constexpr double least = 1e-3, most = 1e9;
  double tooSmall = 0, enough = search.guess > 0 ? std::clamp(search.guess, least, most) : 1;
  double factor = search.guess > 0 ? 1.02 : 2;
  while (epsilonOf(enough) > target.epsilon) {
    if (enough >= most) {
      char text[200];
      std::snprintf(text, sizeof text,
                    "no noise multiplier brings epsilon down to %.6g at delta %.6g with %s; ask "
                    "for a larger epsilon, or use an accountant with more orders (rdp)",
                    target.epsilon, target.delta, accountant.c_str());
      throw NoNoiseMultiplier(text);
    }
    tooSmall = enough;
    enough = std::min(most, enough * factor);
    factor = std::min(2.0, std::pow(factor, 4));
  }
  while (tooSmall == 0 && enough > least) {
    if (const double less = enough / factor; epsilonOf(less) <= target.epsilon)
      enough = less;
    else
      tooSmall = less;
    factor = std::min(2.0, std::pow(factor, 4));
  }
  // In ln σ: both ends keep their sides.
  if (tooSmall == 0) return enough;
  std::uintmax_t rounds = 100;
  const auto [from, to] = boost::math::tools::toms748_solve(
      [&](double logSigma) {
        return std::min(epsilonOf(std::exp(logSigma)), 1e300) - target.epsilon;
      },
      std::log(tooSmall), std::log(enough),
      [&](double low, double high) { return high - low < search.tolerance; }, rounds);
  // exp() may round to the other side.
  for (enough = std::exp(to); epsilonOf(enough) > target.epsilon;) enough *= 1 + 1e-12;
  return enough;
}

}  // namespace clipscope
