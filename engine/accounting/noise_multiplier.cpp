// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/noise_multiplier.h"

#include <cmath>
#include <cstdio>

#include "engine/accounting/accountant.h"
#include "engine/error.h"

namespace clipscope {

double noiseMultiplierFor(const std::string& accountant, const NoiseTarget& target) {
  if (!(target.epsilon > 0 && std::isfinite(target.epsilon)))
    throw SettingError("epsilon must be above 0");
  if (!(target.delta > 0 && target.delta < 1)) throw SettingError("delta must lie between 0 and 1");
  if (!(target.sampleRate >= 0 && target.sampleRate <= 1))
    throw SettingError("sample rate must be from 0 to 1");
  if (target.steps < 0) throw SettingError("steps must be 0 or more");
  const auto epsilonOf = [&](double sigma) {
    const auto judge = makeAccountant(accountant);
    judge->add(sigma, target.sampleRate, target.steps);
    return judge->epsilon(target.delta);
  };
  if (epsilonOf(0) <= target.epsilon) return 0;

  // ε falls as σ grows: the answer is held between a σ that is too small and one that is enough.
  constexpr double most = 1e9;
  double tooSmall = 0, enough = 1;
  while (epsilonOf(enough) > target.epsilon) {
    tooSmall = enough;
    enough *= 2;
    if (enough > most) {
      char text[200];
      std::snprintf(text, sizeof text,
                    "no noise multiplier brings epsilon down to %.6g at delta %.6g with %s; ask "
                    "for a larger epsilon, or use an accountant with more orders (rdp)",
                    target.epsilon, target.delta, accountant.c_str());
      throw SettingError(text);
    }
  }
  while (tooSmall == 0 && enough > 1e-3) {
    if (epsilonOf(enough / 2) <= target.epsilon)
      enough /= 2;
    else
      tooSmall = enough / 2;
  }
  while (enough - tooSmall > 1e-9 * enough) {
    const double middle = 0.5 * (tooSmall + enough);
    if (epsilonOf(middle) <= target.epsilon)
      enough = middle;
    else
      tooSmall = middle;
  }
  return enough;
}

}  // namespace clipscope
