// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_part.h"

#include "engine/error.h"
#include "engine/recording/checkpoint_rows.h"

namespace clipscope {

namespace {

constexpr std::chrono::seconds patience{30};

Index dataVersion(SQLite::Database& database) {
  SQLite::Statement query(database, "PRAGMA data_version");
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

}  // namespace

RecordingPart::RecordingPart(std::filesystem::path path) : m_path(std::move(path)) {
  m_connection.emplace(m_path);
  // Before the look: what is committed in between is seen again by the next one.
  m_version = dataVersion(m_connection->database());
  read();
}

void RecordingPart::read() {
  SQLite::Database& from = database();
  SQLite::Transaction look(from);
  Content content;
  content.meta = readMeta(from);
  content.info = m_content.info ? m_content.info : readRunInfo(from, content.meta);
  // A recorder may find out more about its library's run while it goes on.
  if (content.info->library && content.meta != m_content.meta) {
    auto known = std::make_shared<RunInfo>(*content.info);
    known->library = readLibraryRun(content.meta);
    content.info = std::move(known);
    m_steps.reset();
  }
  content.branches = readBranches(from, m_experiments);
  std::map<int, Range> ranges;
  for (const Branch& branch : content.branches)
    ranges[branch.number] = {firstStep(from, branch.number), newestStep(from, branch.number)};
  m_content = std::move(content);
  m_ranges = std::move(ranges);
}

SQLite::Database& RecordingPart::database() {
  if (!m_connection) {
    m_connection.emplace(m_path);
    m_version = dataVersion(m_connection->database());
  }
  m_connection->allow(patience);
  return m_connection->database();
}

void RecordingPart::rest() {
  m_steps.reset();
  m_connection.reset();
}

RecordingPart::Range RecordingPart::range(int branch) const {
  const auto found = m_ranges.find(branch);
  return found == m_ranges.end() ? Range{} : found->second;
}

StepReader& RecordingPart::steps() {
  SQLite::Database& from = database();
  if (!m_steps) m_steps.emplace(from, m_content.info);
  return *m_steps;
}

std::vector<RecordingReader::CheckpointPlace> RecordingPart::checkpoints() {
  return listCheckpoints(database());
}

SavedCheckpoint RecordingPart::checkpoint(int branch, Index step) {
  return readCheckpoint(database(), branch, step);
}

bool RecordingPart::look() {
  const Index version = dataVersion(database());
  if (version == m_version) return false;
  read();
  m_version = version;
  return true;
}

Index RecordingPart::bytes() const {
  Index total = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(m_path.string() + suffix, error);
    if (!error) total += static_cast<Index>(size);
  }
  return total;
}

}  // namespace clipscope
