// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/accounting/accountant.h"

#include "engine/accounting/rdp_accountant.h"
#include "engine/error.h"

namespace clipscope {

const std::vector<std::string>& accountantNames() {
  static const std::vector<std::string> names{"rdp-opacus", "rdp"};
  return names;
}

std::unique_ptr<Accountant> makeAccountant(const std::string& name) {
  if (name == "rdp-opacus")
    return std::make_unique<RdpAccountant>(RdpAccountant::withOpacusOrders());
  if (name == "rdp") return std::make_unique<RdpAccountant>(RdpAccountant::withAllOrders());
  std::string choices;
  for (const std::string& known : accountantNames())
    choices += (choices.empty() ? "" : ", ") + known;
  throw SettingError("privacy.accountant: \"" + name + "\" is not an accountant; choose " +
                     choices);
}

}  // namespace clipscope
