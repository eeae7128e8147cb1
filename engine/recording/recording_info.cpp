// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_info.h"

#include <cmath>

#include "engine/recording/recording_reader.h"

namespace clipscope {

RecordingInfo readRecordingInfo(const std::filesystem::path& path) {
  const RecordingReader reader(path);
  RecordingInfo info;
  info.meta = reader.meta();
  info.library = reader.info()->library;
  info.experiment = *reader.tree().settingsOf(0, 1);
  info.tensors = static_cast<Index>(reader.info()->tensors.size());
  info.activeBranch = reader.activeBranch();
  for (const Branch& branch : reader.tree().branches())
    info.branches.push_back({branch.number, branch.parent, branch.name, branch.fork, branch.steps});
  for (const auto& place : reader.checkpoints()) {
    ++info.checkpoints;
    info.checkpointBytes += place.bytes;
  }
  info.bytes = reader.bytes();
  info.isBeingWritten = reader.isBeingWritten();

  const Branch& active = reader.tree().at(info.activeBranch);
  info.steps = active.steps;
  info.epsilon = info.loss = info.testAccuracy = notANumber;
  if (active.steps == 0) return info;
  const auto last = reader.step(active.number, active.steps);
  info.epsilon = last->account->epsilon;
  info.loss = last->forward->meanLoss;
  for (int branch = active.number; branch >= 0 && std::isnan(info.testAccuracy);
       branch = reader.tree().at(branch).parent)
    for (const StepSummary& step : reader.summaries(branch))
      if (step.step <= active.steps && !std::isnan(step.testAccuracy))
        info.testAccuracy = step.testAccuracy;
  return info;
}

}  // namespace clipscope
