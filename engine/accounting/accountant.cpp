// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/accountant.h"

#include <algorithm>
#include <limits>

#include "engine/accounting/gdp_accountant.h"
#include "engine/accounting/prv_accountant.h"
#include "engine/accounting/rdp_accountant.h"
#include "engine/error.h"

namespace clipscope {

const std::vector<std::string>& accountantNames() {
  static const std::vector<std::string> names{"rdp-opacus", "rdp", "prv", "gdp"};
  return names;
}

void addToHistory(std::vector<AccountedSteps>& history, const AccountedSteps& steps) {
  if (steps.steps <= 0) return;
  if (!history.empty() && isSameMechanism(history.back(), steps))
    history.back().steps += steps.steps;
  else
    history.push_back(steps);
}

EpsilonRange Accountant::epsilonRange(double delta) const {
  const double value = epsilon(delta);
  return {0, value, isBound() ? value : std::numeric_limits<double>::infinity()};
}

std::unique_ptr<Accountant> makeAccountant(const std::string& name) {
  if (name == "rdp-opacus")
    return std::make_unique<RdpAccountant>(RdpAccountant::withOpacusOrders());
  if (name == "rdp") return std::make_unique<RdpAccountant>(RdpAccountant::withAllOrders());
  if (name == "prv") return std::make_unique<PrvAccountant>();
  if (name == "gdp") return std::make_unique<GdpAccountant>();
  std::string choices;
  for (const std::string& known : accountantNames())
    choices += (choices.empty() ? "" : ", ") + known;
  throw SettingError("privacy.accountant: \"" + name + "\" is not an accountant; choose " +
                     choices);
}

bool accountantIsBound(const std::string& name) {
  const auto& known = accountantNames();
  if (std::find(known.begin(), known.end(), name) == known.end()) return true;
  return makeAccountant(name)->isBound();
}

}  // namespace clipscope
