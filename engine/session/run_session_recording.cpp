// SPDX-License-Identifier: GPL-3.0-or-later
// A session and its recording: how one begins, is gone on with, moved and closed.
#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

#include "engine/error.h"
#include "engine/session/run_session.h"

namespace clipscope {

namespace {

/// Steps whose draws are read back when a recording is opened.
constexpr Index readDraws = 128;

/// The branches of a recording, with their data where it lies now.
BranchTree treeOf(const RecordingReader& recording, const DataSettings& where) {
  std::vector<Branch> branches = recording.tree().branches();
  for (Branch& branch : branches)
    for (auto& [step, settings] : branch.settings) {
      auto moved = std::make_shared<Experiment>(*settings);
      moved->data = where;
      settings = std::move(moved);
    }
  return BranchTree(std::move(branches));
}

LoadedData checkedData(const RecordingReader& recording, LoadedData data) {
  const std::string& there = data.data->fingerprint();
  if (recording.meta("data_fingerprint") != there)
    throw FileError(recording.path().string() + ": was recorded with other data (" +
                    recording.meta("data_name") + ", fingerprint " +
                    recording.meta("data_fingerprint").substr(0, 12) + "…) than " +
                    data.data->source() + " (" + there.substr(0, 12) +
                    "…); name the data that it was recorded with");
  return data;
}

}  // namespace

RunSession::RunSession(const RecordingReader& recording, DataSettings where, LoadedData data,
                       PastSettings past)
    : RunSession(*treeOf(recording, where).settingsOf(0, 1),
                 checkedData(recording, std::move(data)), past) {
  if (isSecure())
    throw FileError(recording.path().string() +
                    ": was recorded in secure mode, whose keys are kept nowhere; it can be looked "
                    "at, and not gone on with");
  if (recording.info()->tensors != m_record->info->tensors ||
      recording.info()->sizes != m_record->info->sizes)
    throw FileError(recording.path().string() +
                    ": its tensors are not those of its own model; it is damaged");
  m_tree = treeOf(recording, where);
  // The first settings may have changed before the first step, which a shuffled order remembers.
  for (const auto& place : recording.checkpoints()) {
    if (place.step != 0) continue;
    SavedCheckpoint saved = recording.checkpoint(place.branch, 0);
    saved.experiment.data = where;
    m_trainer.restore(*m_trainer.checkpointFrom(std::move(saved)));
    m_ring.clear();
    m_ring.add(m_trainer.checkpoint());
  }
  m_inTrainer.reset();
  for (const Branch& branch : m_tree.branches()) {
    auto& own = m_summaries[branch.number] = recording.summaries(branch.number);
    for (const StepSummary& step : own) {
      if (std::isnan(step.testLoss) && std::isnan(step.testAccuracy)) continue;
      auto part = std::make_shared<EvaluationPart>();
      part->accuracy = step.testAccuracy;
      part->loss = step.testLoss;
      part->examples = static_cast<Index>(m_trainer.data().test.size());
      m_evaluations.emplace(std::pair(branch.number, step.step), std::move(part));
    }
  }
  m_branch = recording.activeBranch();
  forgetUnderWay();
  if (m_known == 0) return;
  for (Index step = std::max<Index>(1, m_known - readDraws + 1); step <= m_known; ++step) {
    m_record = recording.step(m_branch, step);
    m_draws.append(*m_record);
  }
  m_settled = false;
}

void RunSession::record(std::unique_ptr<RecordingWriter> writer, Index checkpointBudget) {
  assert(wholeSteps() == 0 && m_tree.branches().size() == 1);
  m_recorder = std::make_unique<SessionRecorder>(
      std::move(writer), std::vector<RecordingReader::CheckpointPlace>{}, checkpointBudget);
  if (!isSecure()) m_recorder->add(0, m_ring.atOrBefore(0));
}

void RunSession::resume(std::unique_ptr<RecordingWriter> writer, const RecordingReader& recording,
                        Index checkpointBudget) {
  if (recording.tree().at(m_branch).steps != wholeSteps())
    throw FileError(recording.path().string() +
                    ": another program went on with it meanwhile; open it again");
  m_recorder = std::make_unique<SessionRecorder>(std::move(writer), recording.checkpoints(),
                                                 checkpointBudget);
}

void RunSession::flushRecording() {
  if (m_recorder) m_recorder->flush();
}

void RunSession::moveRecording(std::filesystem::path path, bool keepOld) {
  if (m_recorder) m_recorder->moveTo(std::move(path), keepOld);
}

void RunSession::closeRecording() {
  if (!m_recorder) return;
  const Index done = m_trainer.stepsDone();
  const bool atTheEnd =
      m_settled && !m_astray && !isUnderWay(*m_trainer.record()) && done == wholeSteps();
  if (atTheEnd && done > 0 && !isSecure()) {
    const auto last = m_recorder->atOrBefore(m_tree, m_branch, done);
    if (!last || last->step < done)
      m_recorder->add(m_tree.ownerOf(m_branch, done), m_trainer.checkpoint());
  }
  const auto recorder = std::exchange(m_recorder, nullptr);
  recorder->close();
}

void RunSession::discardRecording() {
  if (const auto recorder = std::exchange(m_recorder, nullptr)) recorder->discard();
}

void RunSession::giveUpRecording() { m_recorder.reset(); }

}  // namespace clipscope
