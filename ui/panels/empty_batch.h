// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "engine/training/step_record.h"

namespace clipscope {

/// The step drew examples, and the recording that it is read from has no tables of them: they were
/// dropped for room, or the run was secure.
bool hasNoTables(const StepRecord& record);

/// What a panel says in place of the examples of a batch without any; `otherwise`: where it was
/// truly empty.
QString emptyBatchText(const StepRecord& record, const QString& otherwise = {});

/// What a panel says that needs the gradients themselves: `otherwise`, when they come; of a run
/// that trains in another library, that they are there.
QString noGradientsText(const StepRecord& record, const QString& otherwise);

}  // namespace clipscope
