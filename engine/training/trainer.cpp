// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/trainer.h"

#include <algorithm>
#include <chrono>

#include "engine/error.h"
#include "engine/tensor/vector_state.h"
#include "engine/training/trainer_state.h"

namespace clipscope {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t indexOf(Phase phase) { return static_cast<std::size_t>(phase); }

}  // namespace

Trainer::Trainer(Experiment experiment, LoadedData data)
    : m_state(std::make_unique<State>(std::move(experiment), std::move(data))) {}

Trainer::~Trainer() = default;

std::shared_ptr<const StepRecord> Trainer::advanceTo(Phase target, std::stop_token stop) {
  cleanVectorState();
  State& s = *m_state;
  const auto completed = s.current->completed;
  const bool fresh = !completed || *completed == Phase::Account;
  auto next = s.records.take();
  if (fresh) {
    *next = StepRecord{};
    next->info = s.info;
  } else {
    *next = *s.current;
  }
  Phase phase = fresh ? Phase::Sample : static_cast<Phase>(static_cast<int>(*completed) + 1);
  if (!fresh && target <= *completed) target = Phase::Account;

  const auto timed = [&](Phase which, auto&& body) {
    const auto start = Clock::now();
    body();
    next->seconds[indexOf(which)] += std::chrono::duration<double>(Clock::now() - start).count();
  };

  if (stop.stop_requested()) throw Cancelled();
  while (phase <= target) {
    Phase last = phase;
    switch (phase) {
      case Phase::Sample:
        timed(Phase::Sample, [&] { s.beginStep(*next); });
        break;
      case Phase::Forward:
      case Phase::Backward:
      case Phase::Norms:
      case Phase::Clip:
        last = std::min(target, Phase::Clip);
        try {
          s.runPasses(*next, phase, last, stop);
        } catch (...) {
          // The phases that this call completed before the stop stay done.
          if (next->completed) s.current = next;
          throw;
        }
        if (phase == Phase::Forward) timed(Phase::Forward, [&] { s.finishForward(*next); });
        if (phase <= Phase::Norms && last >= Phase::Norms)
          timed(Phase::Norms, [&] { s.finishNorms(*next); });
        if (last == Phase::Clip) timed(Phase::Clip, [&] { s.finishClip(*next); });
        break;
      case Phase::Noise:
      case Phase::Update:
        last = std::min(target, Phase::Update);
        s.release(*next, phase == Phase::Noise, last == Phase::Update);
        break;
      case Phase::Account:
        timed(Phase::Account, [&] { s.account(*next); });
        break;
    }
    next->completed = last;
    if (last == Phase::Account) break;
    phase = static_cast<Phase>(static_cast<int>(last) + 1);
  }
  s.current = next;
  return next;
}

std::shared_ptr<const StepRecord> Trainer::evaluate(std::stop_token stop) {
  State& s = *m_state;
  auto part = std::make_shared<EvaluationPart>();
  const std::vector<Index>& test = s.data.test;
  part->examples = static_cast<Index>(test.size());
  if (!test.empty()) {
    PreparedParameters prepared;
    s.model->prepare(*s.parameters, prepared);
    std::vector<float> losses(test.size());
    std::vector<int> predictions(test.size());
    BatchTask task;
    task.parameters = &prepared;
    task.data = s.data.data.get();
    task.examples = test;
    task.losses = losses;
    task.predictions = predictions;
    BatchRunner(s.model, s.rules->experiment.run.threads).evaluate(task, stop);
    double loss = 0;
    Index right = 0;
    for (std::size_t i = 0; i < test.size(); ++i) {
      loss += static_cast<double>(losses[i]) / static_cast<double>(test.size());
      if (s.data.data->isClassification()) right += predictions[i] == s.data.data->label(test[i]);
    }
    part->loss = loss;
    if (s.data.data->isClassification())
      part->accuracy = static_cast<double>(right) / static_cast<double>(test.size());
  }
  if (s.current->completed == Phase::Account || s.done == 0) {
    auto next = s.records.take();
    *next = *s.current;
    next->evaluation = std::move(part);
    s.current = next;
  }
  return s.current;
}

void Trainer::attachEvaluation(std::shared_ptr<const EvaluationPart> evaluation) {
  auto next = m_state->records.take();
  *next = *m_state->current;
  next->evaluation = std::move(evaluation);
  m_state->current = std::move(next);
}

bool Trainer::evaluationDue() const {
  const Index every = m_state->nextRules->experiment.run.evaluateEvery;
  return every > 0 && !m_state->data.test.empty() &&
         m_state->current->completed == Phase::Account && m_state->done % every == 0;
}

std::shared_ptr<const StepRecord> Trainer::record() const { return m_state->current; }
Index Trainer::stepsDone() const { return m_state->done; }
std::shared_ptr<const BatchProbe> Trainer::probe() const {
  const State& s = *m_state;
  if (!s.current->sample || !s.stepParameters) return nullptr;
  return std::make_shared<BatchProbe>(s.model, s.stepParameters, s.data.data,
                                      s.current->sample->examples, s.stepKey, s.secret);
}
const Experiment& Trainer::experiment() const { return m_state->nextRules->experiment; }

void Trainer::apply(const Experiment& experiment) {
  State& s = *m_state;
  experiment.validate();
  if (needsRestart(s.nextRules->experiment, experiment))
    throw SettingError(
        "this change needs a restart of the run: data, model, physical batch, seed, secure mode "
        "and "
        "threads hold for a whole run");
  s.nextRules = std::make_shared<StepRules>(experiment, *s.info);
}

void Trainer::reset() { m_state->restart(); }
const Model& Trainer::model() const { return *m_state->model; }
std::shared_ptr<const Model> Trainer::sharedModel() const { return m_state->model; }
const LoadedData& Trainer::data() const { return m_state->data; }
const Parameters& Trainer::parameters() const { return *m_state->parameters; }

void Trainer::setParameters(const Parameters& parameters) {
  m_state->parameters = std::make_shared<Parameters>(parameters);
}

}  // namespace clipscope
