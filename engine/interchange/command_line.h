// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "engine/training/experiment.h"

namespace clipscope {

/// The command that trains `experiment` without a window: "clipscope run --data x.csv
/// --max-grad-norm 0.5 …". Names what differs from the defaults, with the option that there is for
/// it, else as --set PATH=JSON; quoted for a POSIX shell.
std::string commandLineOf(const Experiment& experiment);

/// The experiment with fields changed, as --set does: "clipping.max_grad_norm=0.5". A value is
/// JSON, or else taken as text. Only the whole is validated, so that fields that need each other
/// can be set one after the other. Throws SettingError for a field that there is not, or a value
/// that it cannot take.
Experiment withSettings(const Experiment& experiment, const std::vector<std::string>& assignments);

}  // namespace clipscope
