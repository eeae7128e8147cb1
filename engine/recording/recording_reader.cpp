// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_reader.h"

#include <charconv>
#include <optional>
#include <utility>

#include "engine/error.h"
#include "engine/recording/checkpoint_rows.h"
#include "engine/recording/recording_database.h"
#include "engine/recording/recording_lock.h"
#include "engine/recording/run_rows.h"
#include "engine/recording/step_rows.h"

namespace clipscope {

namespace {

constexpr std::chrono::seconds patience{30};

Index dataVersion(SQLite::Database& database) {
  SQLite::Statement query(database, "PRAGMA data_version");
  return query.executeStep() ? query.getColumn(0).getInt64() : 0;
}

int activeOf(const std::map<std::string, std::string>& meta, const BranchTree& tree) {
  const auto found = meta.find("active_branch");
  int active = 0;
  if (found != meta.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), active);
  if (!tree.contains(active)) throw FileError("its active branch is not there; it is damaged");
  return active;
}

}  // namespace

struct RecordingReader::State {
  explicit State(std::filesystem::path file) : path(std::move(file)) {}

  /// Runs `work` on the file; every error says which file it was.
  template <class Work>
  auto guarded(Work&& work) {
    try {
      if (connection) connection->allow(patience);
      return work();
    } catch (const SQLite::Exception& exception) {
      throw FileError(path.string() + ": cannot be read as a recording: " + reasonOf(exception));
    } catch (const FileError& error) {
      throw FileError(path.string() + ": " + error.what());
    } catch (const std::bad_alloc&) {
      throw FileError(path.string() + ": there is not enough memory to read it");
    }
  }

  void open() {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) throw FileError("there is no such file");
    connection.emplace(path);
    SQLite::Database& database = connection->database();
    SQLite::Transaction look(database);
    version = dataVersion(database);
    meta = readMeta(database);
    info = readRunInfo(database, meta);
    readTree();
    steps.emplace(database, info);
  }

  /// Branches, their newest steps and the active one, as they are now.
  void readTree() {
    SQLite::Database& database = connection->database();
    std::vector<Branch> branches = readBranches(database);
    for (Branch& branch : branches)
      branch.steps = std::max(branch.fork, newestStep(database, branch.number));
    tree.emplace(std::move(branches));
    active = activeOf(meta, *tree);
  }

  std::filesystem::path path;
  std::optional<ReadConnection> connection;
  std::map<std::string, std::string> meta;
  std::shared_ptr<const RunInfo> info;
  std::optional<BranchTree> tree;
  int active = 0;
  std::optional<StepReader> steps;
  Index version = 0;
};

RecordingReader::RecordingReader(std::filesystem::path path)
    : m_state(std::make_unique<State>(std::move(path))) {
  m_state->guarded([&] { m_state->open(); });
}

RecordingReader::~RecordingReader() = default;

const std::filesystem::path& RecordingReader::path() const { return m_state->path; }
const std::map<std::string, std::string>& RecordingReader::meta() const { return m_state->meta; }

std::string RecordingReader::meta(const std::string& key) const {
  const auto found = m_state->meta.find(key);
  return found == m_state->meta.end() ? std::string() : found->second;
}

const std::shared_ptr<const RunInfo>& RecordingReader::info() const { return m_state->info; }
const BranchTree& RecordingReader::tree() const { return *m_state->tree; }
int RecordingReader::activeBranch() const { return m_state->active; }
bool RecordingReader::isBeingWritten() const { return RecordingLock::isHeld(m_state->path); }

Index RecordingReader::bytes() const {
  Index total = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(m_state->path.string() + suffix, error);
    if (!error) total += static_cast<Index>(size);
  }
  return total;
}

std::vector<StepSummary> RecordingReader::summaries(int branch, Index after) const {
  return m_state->guarded([&] {
    const Branch& of = m_state->tree->at(branch);
    std::vector<StepSummary> summaries;
    m_state->steps->readSummaries(branch, std::max(after, of.fork), of.steps, summaries);
    return summaries;
  });
}

std::shared_ptr<const StepRecord> RecordingReader::step(int branch, Index step) const {
  return m_state->guarded([&] {
    const BranchTree& tree = *m_state->tree;
    if (!tree.contains(branch) || step < 1 || step > tree.at(branch).steps)
      throw FileError("there is no step " + std::to_string(step) + " of branch " +
                      std::to_string(branch));
    return m_state->steps->read(tree.ownerOf(branch, step), step);
  });
}

std::vector<RecordingReader::CheckpointPlace> RecordingReader::checkpoints() const {
  return m_state->guarded([&] {
    std::vector<CheckpointPlace> places = listCheckpoints(m_state->connection->database());
    const BranchTree& tree = *m_state->tree;
    std::erase_if(places, [&](const CheckpointPlace& place) {
      return !tree.contains(place.branch) || place.step > tree.at(place.branch).steps;
    });
    return places;
  });
}

SavedCheckpoint RecordingReader::checkpoint(int branch, Index step) const {
  return m_state->guarded(
      [&] { return readCheckpoint(m_state->connection->database(), branch, step); });
}

bool RecordingReader::poll() {
  return m_state->guarded([&] {
    State& s = *m_state;
    SQLite::Database& database = s.connection->database();
    const Index version = dataVersion(database);
    if (version == s.version) return false;
    SQLite::Transaction look(database);
    s.meta = readMeta(database);
    s.readTree();
    s.version = version;
    return true;
  });
}

}  // namespace clipscope
