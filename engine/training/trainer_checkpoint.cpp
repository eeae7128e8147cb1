// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/trainer_checkpoint.h"

#include <cassert>

#include "engine/training/trainer_state.h"

namespace clipscope {

Index TrainerCheckpoint::bytes() const {
  std::size_t total = sizeof(TrainerCheckpoint) + accounted.size() * sizeof(AccountedSteps) +
                      running.medians.size() * sizeof(double);
  if (running.parameters) total += running.parameters->flat().size_bytes();
  for (const auto& buffer : optimizer.buffers) total += buffer.size() * sizeof(float);
  return static_cast<Index>(total);
}

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

}  // namespace clipscope
