// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/run_session.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/session/branch_lines.h"

namespace clipscope {

namespace {

/// Checkpoints kept at single steps before the target of a jump, and their share of the budget.
constexpr Index nearSteps = 8;
constexpr Index nearShare = 8;

[[noreturn]] void refuseToRepeat(const std::string& what) {
  throw SettingError(what +
                     ": this run is in secure mode. Its sampling and noise came from keys that are "
                     "kept nowhere, so that no step can be repeated; whole recorded steps can be "
                     "looked at, and the run goes on from its newest step");
}

}  // namespace

RunSession::RunSession(Experiment experiment, LoadedData data, PastSettings past)
    : m_past(past),
      m_trainer(std::move(experiment), std::move(data)),
      m_tree(std::make_shared<const Experiment>(m_trainer.experiment())),
      m_ring(past.checkpointEvery, past.byteBudget - past.byteBudget / nearShare,
             past.maxCheckpoints),
      m_refreshed(past.drawsBudget),
      m_draws(past.drawsBudget),
      m_leftDraws(past.drawsBudget) {
  m_inTrainer = settingsOf(1);
  m_ring.add(m_trainer.checkpoint());
  m_record = m_trainer.record();
}

Index RunSession::stepsDone() const {
  return isUnderWay(*m_record) ? m_record->step - 1 : m_record->step;
}

RunPosition RunSession::position() const {
  RunPosition position;
  position.step = m_record->step;
  position.phase = m_record->completed;
  position.branch = m_branch;
  position.knownSteps = m_known;
  position.knownPhase = m_knownPhase;
  position.checkpoints = m_ring.count() + static_cast<Index>(m_near.size() + m_tips.size());
  position.checkpointBytes = m_ring.bytes();
  for (const auto& checkpoint : m_near) position.checkpointBytes += checkpoint->bytes();
  for (const auto& [branch, tip] : m_tips) position.checkpointBytes += tip->bytes();
  return position;
}

std::shared_ptr<const BatchProbe> RunSession::probe(std::stop_token stop) {
  if (isSecure() && !m_settled) return nullptr;
  settle(stop);
  return m_trainer.probe();
}

void RunSession::apply(const Experiment& experiment) {
  // The Trainer knows what it can take on. What it uses is decided when a step begins.
  m_inTrainer.reset();
  m_trainer.apply(experiment);
  m_pending = std::make_shared<const Experiment>(experiment);
}

void RunSession::reset() {
  const auto settings = std::make_shared<const Experiment>(experiment());
  closeRecording();
  m_trainer.apply(*settings);
  m_trainer.reset();
  m_tree = BranchTree(settings);
  m_branch = 0;
  m_known = 0;
  m_knownPhase.reset();
  m_summaries.clear();
  m_evaluations.clear();
  m_refreshed.clear();
  m_newRefreshes.clear();
  m_draws.clear();
  m_leftDraws.clear();
  m_newsKeep = 0;
  m_newEvaluations.clear();
  m_branchesChanged = true;
  m_inTrainer = settings;
  m_pending.reset();
  m_near.clear();
  m_tips.clear();
  m_ring.clear();
  m_ring.add(m_trainer.checkpoint());
  m_record = m_trainer.record();
  m_settled = true;
  m_astray = false;
}

void RunSession::use(const Settings& settings) {
  if (m_inTrainer == settings) return;
  m_trainer.apply(*settings);
  m_inTrainer = settings;
}

void RunSession::beginStep() {
  const Index done = m_trainer.stepsDone();
  use(settingsOf(done + 1));
  if (isSecure()) return;
  if (m_ring.wants(done)) m_ring.add(m_trainer.checkpoint());
  if (m_recorder && done == wholeSteps() &&
      m_recorder->wants(m_tree, m_branch, done, nearest(done)->bytes()))
    m_recorder->add(done > 0 ? m_tree.ownerOf(m_branch, done) : 0, m_trainer.checkpoint());
}

std::shared_ptr<const StepRecord> RunSession::advanceTo(Phase target, std::stop_token stop) {
  if (isSecure() && !m_settled)
    return m_record->step + 1 < m_known ? goTo(m_record->step + 1, Phase::Account, stop)
                                        : goTo(m_known, *m_knownPhase, stop);
  settle(stop);
  if (stop.stop_requested()) throw Cancelled();
  if (!isUnderWay(*m_record)) {
    checkRecording();
    adoptPending();
    beginStep();
  }
  try {
    m_trainer.advanceTo(target, stop);
  } catch (...) {
    arrive();
    throw;
  }
  arrive();
  checkRecording();
  return m_record;
}

std::shared_ptr<const StepRecord> RunSession::goTo(Index step, Phase phase, std::stop_token stop) {
  if (step < 0 || step > m_known)
    throw SettingError("step " + std::to_string(step) + " is not known: the run has come to step " +
                       std::to_string(m_known));
  if (stop.stop_requested()) throw Cancelled();
  if (isSecure()) return goToRecorded(step, phase);
  m_settled = false;
  replay(step, phase, stop);
  arrive();
  return m_record;
}

std::shared_ptr<const StepRecord> RunSession::goToRecorded(Index step, Phase phase) {
  const auto newest = m_trainer.record();
  if (step == newest->step && (step == 0 || phase == newest->completed))
    arrive();
  else if (phase == Phase::Account && step > 0 && step <= wholeSteps() && m_recorder)
    showRecorded(m_branch, step);
  else if (step == 0 || phase == Phase::Account)
    refuseToRepeat("step " + std::to_string(step) + " cannot be shown again");
  else
    refuseToRepeat("the phases of step " + std::to_string(step) + " cannot be shown again");
  return m_record;
}

std::shared_ptr<const StepRecord> RunSession::stepBack(std::stop_token stop) {
  return m_record->step == 0 ? m_record : goTo(m_record->step - 1, Phase::Account, stop);
}

std::shared_ptr<const StepRecord> RunSession::phaseBack(std::stop_token stop) {
  if (m_record->step == 0 || m_record->completed == Phase::Sample) return stepBack(stop);
  return goTo(m_record->step, static_cast<Phase>(static_cast<int>(*m_record->completed) - 1), stop);
}

void RunSession::settle(std::stop_token stop) {
  if (m_settled) return;
  if (isSecure()) refuseToRepeat("this step is only looked at");
  replay(m_record->step, m_record->completed.value_or(Phase::Account), stop);
  arrive();
}

void RunSession::replay(Index step, Phase phase, std::stop_token stop) {
  const auto isFresh = [&] { return !isUnderWay(*m_trainer.record()); };
  const auto standsAt = [&](Index there, Phase done) {
    const auto record = m_trainer.record();
    return record->step == there && record->completed == done;
  };
  const auto start = nearestAnywhere(std::max<Index>(step - 1, 0));
  {
    // On from where the Trainer is, when that is on the way and no checkpoint is nearer.
    const Index done = m_trainer.stepsDone();
    const bool before = step == 0   ? false
                        : isFresh() ? done < step
                                    : done + 1 < step || (done + 1 == step &&
                                                          *m_trainer.record()->completed <= phase);
    const bool there = step == 0 ? done == 0 && isFresh() : standsAt(step, phase);
    if (there && !m_astray) return;
    if (!before || m_astray || start->running.done > done) {
      m_inTrainer.reset();
      m_trainer.restore(*start);
      m_astray = false;
    }
  }
  while (m_trainer.stepsDone() < step) {
    const bool isLast = m_trainer.stepsDone() + 1 == step;
    if (isFresh()) {
      beginStep();
      keepNear(step);
    }
    if (standsAt(step, phase)) return;
    m_trainer.advanceTo(isLast ? phase : Phase::Account, stop);
    if (isLast) return;
  }
}

void RunSession::keepNear(Index target) {
  const Index done = m_trainer.stepsDone();
  if (target - done > nearSteps || nearest(done)->running.done == done) return;
  const Index budget = m_past.byteBudget / nearShare;
  auto made = m_trainer.checkpoint();
  Index bytes = made->bytes();
  if (bytes > budget) return;
  for (const auto& checkpoint : m_near) bytes += checkpoint->bytes();
  // Those of the jump before give way first, the furthest from here before the others.
  while (!m_near.empty() && (static_cast<Index>(m_near.size()) >= nearSteps || bytes > budget)) {
    const auto furthest = std::ranges::max_element(m_near, {}, [&](const auto& checkpoint) {
      return std::abs(checkpoint->running.done - done);
    });
    bytes -= (*furthest)->bytes();
    m_near.erase(furthest);
  }
  m_near.push_back(std::move(made));
}

std::shared_ptr<const TrainerCheckpoint> RunSession::nearest(Index done) const {
  auto best = m_ring.atOrBefore(done);
  const auto consider = [&](const auto& checkpoint) {
    const Index there = checkpoint->running.done;
    if (there <= done && there > best->running.done) best = checkpoint;
  };
  for (const auto& checkpoint : m_near) consider(checkpoint);
  for (const auto& [branch, tip] : m_tips)
    if (m_tree.ownerOf(m_branch, tip->running.done) == branch) consider(tip);
  return best;
}

std::shared_ptr<const TrainerCheckpoint> RunSession::nearestAnywhere(Index done) {
  auto best = nearest(done);
  if (!m_recorder) return best;
  const auto place = m_recorder->atOrBefore(m_tree, m_branch, done);
  if (!place || place->step <= best->running.done) return best;
  try {
    SavedCheckpoint saved = m_recorder->load(*place);
    // Where the data lies is this run's to say.
    saved.experiment.data = m_trainer.experiment().data;
    return m_trainer.checkpointFrom(std::move(saved));
  } catch (const FileError&) {
    // One that cannot be read makes the way longer, no more.
    return best;
  }
}

void RunSession::arrive() {
  m_record = m_trainer.record();
  m_settled = true;
  const Index step = m_record->step;
  if (step == 0) return;
  if (step > m_known) {
    m_known = step;
    m_knownPhase = m_record->completed;
  } else if (step == m_known) {
    m_knownPhase = std::max(m_knownPhase, m_record->completed);
  }
  if (!m_record->has(Phase::Account)) return;
  const auto evaluation = m_evaluations.find({m_tree.ownerOf(m_branch, step), step});
  if (evaluation != m_evaluations.end() && !m_record->evaluation) {
    m_trainer.attachEvaluation(evaluation->second);
    m_record = m_trainer.record();
  }
  if (step != wholeSteps() + 1) return;
  m_summaries[m_branch].push_back(summaryOf(*m_record));
  m_draws.append(*m_record);
  m_tree.at(m_branch).steps = step;
  if (m_recorder) m_recorder->stepped(m_branch, m_record);
}

bool RunSession::refreshDue() const {
  const Index step = m_record->step;
  if (step == 0 || m_record->completed != Phase::Account || (isSecure() && !m_settled))
    return false;
  const Index every = settingsOf(step)->run.refreshNormsEvery;
  return every > 0 && (step - 1) % every == 0 &&
         !m_refreshed.wasMade(m_tree.ownerOf(m_branch, step), step);
}

void RunSession::refreshNorms(std::stop_token stop) {
  settle(stop);
  auto made = m_trainer.refreshNorms(stop);
  if (made->step <= m_newsKeep) m_newRefreshes.push_back(made);
  const int owner = m_tree.ownerOf(m_branch, made->step);
  m_refreshed.add(owner, std::move(made));
}

void RunSession::doWhatIsDue(std::stop_token stop) {
  if (refreshDue()) refreshNorms(stop);
  if (evaluationDue()) evaluate(stop);
}

bool RunSession::evaluationDue() const {
  if (isSecure() && !m_settled) return false;
  const Index step = m_record->step;
  if (step == 0 || m_record->completed != Phase::Account || m_trainer.data().test.empty())
    return false;
  const Index every = settingsOf(step)->run.evaluateEvery;
  return every > 0 && step % every == 0 &&
         !m_evaluations.contains({m_tree.ownerOf(m_branch, step), step});
}

std::shared_ptr<const StepRecord> RunSession::evaluate(std::stop_token stop) {
  settle(stop);
  m_record = m_trainer.evaluate(stop);
  const Index step = m_record->step;
  if (step == 0 || !m_record->has(Phase::Account)) return m_record;
  const int owner = m_tree.ownerOf(m_branch, step);
  m_evaluations.insert_or_assign({owner, step}, m_record->evaluation);
  StepSummary& known = summary(step);
  known.testLoss = m_record->evaluation->loss;
  known.testAccuracy = m_record->evaluation->accuracy;
  if (step <= m_newsKeep) m_newEvaluations.emplace_back(step, *m_record->evaluation);
  if (m_recorder) {
    m_recorder->addEvaluation(owner, step, *m_record->evaluation);
    checkRecording();
  }
  return m_record;
}

StepSummary& RunSession::summary(Index step) {
  const int owner = m_tree.ownerOf(m_branch, step);
  return m_summaries.at(owner)[static_cast<std::size_t>(step - m_tree.at(owner).fork - 1)];
}

RunNews RunSession::takeNews() {
  RunNews news;
  news.keep = m_newsKeep;
  news.evaluations = std::exchange(m_newEvaluations, {});
  news.summaries = summariesOf(m_tree, m_branch, m_summaries, news.keep);
  for (const auto& step : m_draws.steps())
    if (step->step > news.keep) news.draws.push_back(step);
  news.refreshes = std::exchange(m_newRefreshes, {});
  for (auto& refresh : m_refreshed.after(m_tree, m_branch, news.keep))
    news.refreshes.push_back(std::move(refresh));
  m_newsKeep = wholeSteps();
  if (std::exchange(m_branchesChanged, false))
    news.branches = branchLines(m_tree, m_branch, m_summaries);
  return news;
}

}  // namespace clipscope
