// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/session_recorder.h"

#include <utility>

namespace clipscope {

namespace {

/// How long a replay from the last checkpoint may take, by the time that its steps took.
constexpr double longestReplay = 2;

/// What a step takes in the file, about.
Index recordedBytes(const StepRecord& record) {
  constexpr Index scalars = 500, anExample = 16;
  const Index tensors = static_cast<Index>(record.info->tensors.size());
  const Index groups = static_cast<Index>(record.clip->groups.size());
  return scalars + record.batchSize() * (anExample + 4 * (tensors + groups)) + 40 * tensors;
}

}  // namespace

SessionRecorder::SessionRecorder(std::unique_ptr<RecordingWriter> writer,
                                 std::vector<RecordingReader::CheckpointPlace> known,
                                 Index byteBudget)
    : m_writer(std::move(writer)),
      m_kept(byteBudget, std::move(known)),
      m_branch(m_writer->saved().branch) {}

template <class Body>
void SessionRecorder::hand(Body&& body) {
  try {
    body();
  } catch (const FileError&) {
    // The writer keeps it for when it can write again; check() tells the run.
  }
}

void SessionRecorder::check() {
  try {
    m_writer->check();
  } catch (const FileError& error) {
    throw RecordingFailed(error.what());
  }
}

void SessionRecorder::stepped(int branch, const std::shared_ptr<const StepRecord>& record) {
  m_bytes += recordedBytes(*record);
  for (const double seconds : record->seconds) m_seconds += seconds;
  hand([&] { m_writer->add(branch, record); });
}

bool SessionRecorder::wants(const BranchTree& tree, int branch, Index done, Index bytes) const {
  const auto last = m_kept.atOrBefore(tree, branch, done);
  if (!last) return true;
  return last->step < done && (m_bytes >= bytes || m_seconds >= longestReplay);
}

void SessionRecorder::add(int branch, std::shared_ptr<const TrainerCheckpoint> checkpoint) {
  const Index step = checkpoint->running.done;
  const auto gone = m_kept.add({branch, step, checkpoint->bytes()});
  m_bytes = 0;
  m_seconds = 0;
  hand([&] { m_writer->addCheckpoint(branch, std::move(checkpoint)); });
  for (const auto& place : gone)
    hand([&] { m_writer->removeCheckpoint(place.branch, place.step); });
}

void SessionRecorder::addEvaluation(int branch, Index step, const EvaluationPart& evaluation) {
  hand([&] { m_writer->addEvaluation(branch, step, evaluation); });
}

void SessionRecorder::addSettings(int branch, Index firstStep,
                                  std::shared_ptr<const Experiment> experiment) {
  hand([&] { m_writer->addSettings(branch, firstStep, std::move(experiment)); });
}

void SessionRecorder::addBranch(const Branch& branch) {
  hand([&] { m_writer->addBranch(branch); });
}

void SessionRecorder::renameBranch(int branch, const std::string& name) {
  hand([&] { m_writer->renameBranch(branch, name); });
}

void SessionRecorder::removeBranches(const std::vector<int>& branches) {
  m_kept.forget(branches);
  hand([&] { m_writer->removeBranches(branches); });
}

void SessionRecorder::setActiveBranch(int branch, Index steps) {
  m_seconds = longestReplay;
  hand([&] {
    m_writer->setActiveBranch(branch);
    m_writer->flush();
    m_savedBefore = steps;
  });
  m_branch = branch;
}

Index SessionRecorder::savedThrough() const {
  const RecordingWriter::Saved saved = m_writer->saved();
  return saved.branch == m_branch ? saved.step : m_savedBefore;
}

RecordingReader& SessionRecorder::upToDate() {
  m_writer->flush();
  if (!m_reader)
    m_reader = std::make_unique<RecordingReader>(m_writer->path());
  else
    m_reader->poll();
  return *m_reader;
}

SavedCheckpoint SessionRecorder::load(const RecordingReader::CheckpointPlace& place) {
  return upToDate().checkpoint(place.branch, place.step);
}

std::shared_ptr<const StepRecord> SessionRecorder::read(int branch, Index step) {
  return upToDate().step(branch, step);
}

void SessionRecorder::moveTo(std::filesystem::path path, bool keepOld) {
  // An open reader would keep the log of the old place, here and below.
  m_reader.reset();
  m_writer->moveTo(std::move(path), keepOld);
}

void SessionRecorder::close() {
  m_reader.reset();
  m_writer->close();
}

void SessionRecorder::discard() {
  m_reader.reset();
  m_writer->discard();
}

}  // namespace clipscope
