// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/training/step_summary.h"

namespace clipscope {

/// What a chart of the history shows at a step: its formula, with the numbers of that step, and
/// where it comes from; "" for an unknown chart.
QString historyWords(const QString& chart, const StepSummary& step);

}  // namespace clipscope
