// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "engine/session/run_history.h"
#include "engine/training/experiment.h"
#include "engine/training/what_if/batch_gram.h"
#include "ui/attachments.h"

namespace clipscope {

/// What a step's plots are drawn from.
struct StepPlotsInput {
  Experiment experiment;
  std::shared_ptr<const StepRecord> record;
  const RunHistory* history = nullptr;
  /// Of the record's batch; null leaves out what needs it.
  std::shared_ptr<const BatchGram> gram;
};

/// The panels' pictures and data of one step, as files of plots/, drawn without a window by the
/// panels that the window shows. Needs a QApplication, which may be offscreen.
Attachments stepPlots(const StepPlotsInput& input);

}  // namespace clipscope
