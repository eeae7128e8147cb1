// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/clipping/strategy.h"

#include <cmath>

#include "engine/clipping/strategies/automatic.h"
#include "engine/clipping/strategies/global.h"
#include "engine/clipping/strategies/none.h"
#include "engine/clipping/strategies/threshold.h"
#include "engine/error.h"

namespace clipscope {

const std::vector<std::string>& strategyNames() {
  static const std::vector<std::string> names{"threshold", "auto_s", "auto_v", "normalised",
                                              "psac",      "global", "none"};
  return names;
}

namespace {

double checked(double value, const char* setting, bool mayBeZero) {
  if (std::isfinite(value) && (value > 0 || (mayBeZero && value == 0))) return value;
  throw SettingError(std::string(setting) + ": " + std::to_string(value) + " must be a number " +
                     (mayBeZero ? "from 0" : "above 0"));
}

}  // namespace

std::shared_ptr<const ClipStrategy> makeStrategy(const std::string& name,
                                                 const StrategySettings& s) {
  if (name == "threshold")
    return std::make_shared<ThresholdStrategy>(
        checked(s.clipConstant, "clipping.clip_constant", true));
  if (name == "auto_s")
    return std::make_shared<AutoSStrategy>(checked(s.gamma, "clipping.gamma", false));
  if (name == "auto_v") return std::make_shared<AutoVStrategy>();
  if (name == "normalised")
    return std::make_shared<NormalisedStrategy>(checked(s.r, "clipping.r", false));
  if (name == "psac")
    return std::make_shared<PsacStrategy>(checked(s.psacR, "clipping.psac_r", false));
  if (name == "global")
    return std::make_shared<GlobalStrategy>(checked(s.globalBound, "clipping.global_bound", true));
  if (name == "none") return std::make_shared<NoClipping>();
  std::string choices;
  for (const std::string& known : strategyNames()) choices += (choices.empty() ? "" : ", ") + known;
  throw SettingError("clipping.strategy: \"" + name + "\" is not a strategy; choose one of " +
                     choices);
}

}  // namespace clipscope
