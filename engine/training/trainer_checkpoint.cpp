// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/trainer_checkpoint.h"

#include <algorithm>
#include <cassert>

#include "engine/error.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

Index TrainerCheckpoint::bytes() const {
  std::size_t total = sizeof(TrainerCheckpoint) + accounted.size() * sizeof(AccountedSteps) +
                      running.medians.size() * sizeof(double);
  if (running.parameters) total += running.parameters->flat().size_bytes();
  for (const auto& buffer : optimizer.buffers) total += buffer.size() * sizeof(float);
  return static_cast<Index>(total);
}

const Experiment& TrainerCheckpoint::experiment() const { return running.rules->experiment; }

std::shared_ptr<const TrainerCheckpoint> Trainer::checkpoint() const {
  const State& s = *m_state;
  assert(!s.current->completed || s.current->completed == Phase::Account);
  auto made = std::make_shared<TrainerCheckpoint>();
  made->running = s;
  made->optimizer = s.optimizer->state();
  made->accounted = s.accountant->history();
  return made;
}

void Trainer::restore(const TrainerCheckpoint& checkpoint) {
  State& s = *m_state;
  static_cast<RunningState&>(s) = checkpoint.running;
  s.nextRules = s.rules;
  const Experiment& experiment = s.rules->experiment;
  s.optimizer = makeOptimizer(experiment.optimizer);
  s.optimizer->setState(checkpoint.optimizer);
  // The same accountant keeps the costs of a step that it has worked out.
  if (s.accountant->name() != experiment.privacy.accountant)
    s.accountant = makeAccountant(experiment.privacy.accountant);
  s.accountant->setHistory(checkpoint.accounted);
  s.current = std::make_shared<StepRecord>();
  s.current->info = s.info;
  s.stepParameters.reset();
}

std::shared_ptr<const TrainerCheckpoint> Trainer::checkpointFrom(SavedCheckpoint saved) const {
  const State& s = *m_state;
  const auto misfit = [&](const std::string& what) {
    throw FileError("the checkpoint of step " + std::to_string(saved.done) + " has " + what +
                    "; it is of another model, or damaged");
  };
  if (needsRestart(s.nextRules->experiment, saved.experiment))
    misfit("other data, model, seed or threads than the run");
  auto made = std::make_shared<TrainerCheckpoint>();
  RunningState& running = made->running;
  running.done = saved.done;
  try {
    running.rules = std::make_shared<StepRules>(std::move(saved.experiment), *s.info);
  } catch (const SettingError& error) {
    misfit(std::string("settings that do not fit the model (") + error.what() + ")");
  }
  auto parameters = std::make_shared<Parameters>(s.model->sharedTable());
  if (saved.parameters.size() != parameters->flat().size())
    misfit(std::to_string(saved.parameters.size()) + " parameters where the model has " +
           std::to_string(parameters->flat().size()));
  std::ranges::copy(saved.parameters, parameters->flat().begin());
  running.parameters = std::move(parameters);
  const auto optimizer = makeOptimizer(running.rules->experiment.optimizer);
  optimizer->beginStep(s.extent());
  if (!saved.optimizer.buffers.empty() &&
      saved.optimizer.buffers.size() != optimizer->state().buffers.size())
    misfit(std::to_string(saved.optimizer.buffers.size()) + " buffers of the optimiser " +
           running.rules->experiment.optimizer.kind);
  for (const auto& buffer : saved.optimizer.buffers)
    if (!buffer.empty() && buffer.size() != s.extent())
      misfit("an optimiser's buffer of " + std::to_string(buffer.size()) + " values");
  const std::size_t groups = running.rules->grouping.groups().size();
  if (!saved.medians.empty() && saved.medians.size() != groups) misfit("medians of other groups");
  if (!saved.carried.thresholds.empty() && saved.carried.thresholds.size() != groups)
    misfit("thresholds of other groups");
  running.medians = std::move(saved.medians);
  running.carried = std::move(saved.carried);
  made->optimizer = std::move(saved.optimizer);
  made->accounted = std::move(saved.accounted);
  return made;
}

}  // namespace clipscope
