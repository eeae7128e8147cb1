// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/training/step_record.h"

namespace clipscope {

/// "simulated ε 1.23 at δ 1e-05"; where ε does not hold, "ε not valid: private denominator".
QString epsilonText(const AccountPart& account);
/// What this ε is about: its sampling, its neighbours, and why it is simulated or not valid.
QString epsilonTip(const AccountPart& account);

}  // namespace clipscope
