// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/recording/recording_reader.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <new>
#include <optional>
#include <utility>

#include "engine/error.h"
#include "engine/recording/library_account.h"
#include "engine/recording/rank_merge.h"
#include "engine/recording/recording_lock.h"
#include "engine/recording/recording_part.h"
#include "engine/recording/recording_segments.h"
#include "engine/recording/run_rows.h"

namespace clipscope {

struct RecordingReader::State {
  explicit State(std::filesystem::path file) : path(withRank(std::move(file))) {}

  /// Runs `work`; every error says which file it was.
  template <class Work>
  auto guarded(Work&& work) {
    try {
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
    series = seriesOf(path);
    std::error_code error;
    const bool isFile = std::filesystem::is_regular_file(path, error);
    if (!series && !isFile && !closedSegments(path).empty()) series = path;
    if (series)
      addSegments();
    else if (isFile)
      parts.emplace_back(path);
    if (parts.empty()) throw FileError("there is no such file");
    understand();
    info = parts.front().content().info;
    if (info->library) openRanks();
  }

  /// The files of the other processes of a distributed run; the run is shown as what all of them
  /// have.
  void openRanks() {
    const Index world = metaNumber(meta, "world_size");
    const Index own = metaNumber(meta, "rank");
    if (world < 2 || world > mostRanks) return;
    std::vector<std::unique_ptr<State>> found;
    std::string missing;
    for (Index rank = 0; rank < world; ++rank) {
      const auto other = rankPath(path, static_cast<int>(rank));
      std::error_code error;
      if (rank == own) {
        found.push_back(std::make_unique<State>(path));
      } else if (other && std::filesystem::exists(*other, error)) {
        found.push_back(std::make_unique<State>(*other));
      } else {
        missing = other ? other->filename().string() : "rank " + std::to_string(rank);
        break;
      }
      State& state = *found.back();
      state.parts.emplace_back(state.path);
      state.understand();
      state.info = state.parts.front().content().info;
      if (!state.info->library || state.info->sizes != info->sizes ||
          metaNumber(state.meta, "rank") != rank || metaNumber(state.meta, "world_size") != world)
        throw FileError(state.path.filename().string() +
                        " is not of the same run; move it elsewhere");
    }
    if (missing.empty()) {
      ranks = std::move(found);
      path = ranks.front()->path;
      meta = ranks.front()->meta;
    }
    describeRanks(missing);
  }

  void describeRanks(const std::string& missing = {}) {
    auto known = std::make_shared<RunInfo>(*(ranks.empty() ? info : ranks.front()->info));
    auto library = std::make_shared<LibraryRun>(*known->library);
    library->ranks = ranks.empty() ? 1 : static_cast<Index>(ranks.size());
    for (const auto& rank : ranks)
      library->examplesKnown = library->examplesKnown && rank->info->library->examplesKnown;
    if (!missing.empty())
      library->notes.push_back(missing + " is not here: rank " + meta["rank"] + " of " +
                               meta["world_size"] + " is shown alone");
    known->library = std::move(library);
    info = std::move(known);
    if (!ranks.empty()) understandRanks();
  }

  /// As many steps as every rank has.
  void understandRanks() {
    std::vector<Branch> branches = ranks.front()->tree->branches();
    for (Branch& branch : branches)
      for (const auto& rank : ranks)
        branch.steps = std::min(branch.steps, rank->tree->contains(branch.number)
                                                  ? rank->tree->at(branch.number).steps
                                                  : branch.fork);
    tree.emplace(std::move(branches));
  }

  /// Those that were closed since; true where there are some.
  bool addSegments() {
    bool added = false;
    for (const int number : closedSegments(*series)) {
      const auto due = static_cast<int>(parts.size()) + 1;
      if (number < due) continue;
      const auto segment = segmentPath(*series, due);
      if (number > due) throw FileError(segment.filename().string() + " of its series is missing");
      if (!parts.empty()) parts.back().rest();
      parts.emplace_back(segment);
      if (parts.back().content().info->sizes != parts.front().content().info->sizes)
        throw FileError(segment.filename().string() + " is of another run");
      added = true;
    }
    return added;
  }

  /// The tree of the newest part, with the newest steps of all.
  void understand() {
    const RecordingPart::Content& newest = parts.back().content();
    std::vector<Branch> branches = newest.branches;
    for (Branch& branch : branches) {
      branch.steps = branch.fork;
      for (const RecordingPart& part : parts)
        branch.steps = std::max(branch.steps, part.range(branch.number).last);
    }
    tree.emplace(std::move(branches));
    meta = newest.meta;
    active = static_cast<int>(metaNumber(meta, "active_branch"));
    if (!tree->contains(active)) throw FileError("its active branch is not there; it is damaged");
  }

  /// The part that has a step which `branch` owns; of several the newest.
  RecordingPart& partOf(int branch, Index step) {
    const auto found = std::ranges::find_if(
        parts.rbegin(), parts.rend(),
        [&](const RecordingPart& part) { return part.range(branch).has(step); });
    if (found == parts.rend())
      throw FileError("step " + std::to_string(step) + " of branch " + std::to_string(branch) +
                      " is missing; it is damaged");
    return awake(*found);
  }

  /// Of many segments only a few are open.
  RecordingPart& awake(RecordingPart& part) {
    if (std::ranges::find(used, &part) == used.end()) used.push_back(&part);
    constexpr std::size_t most = 4;
    if (used.size() > most) {
      used.front()->rest();
      used.pop_front();
    }
    return part;
  }

  std::shared_ptr<const StepRecord> read(int branch, Index step) {
    const int owner = tree->ownerOf(branch, step);
    if (ranks.empty()) return partOf(owner, step).steps().read(owner, step);
    std::vector<std::shared_ptr<const StepRecord>> records;
    for (const auto& rank : ranks) records.push_back(rank->read(owner, step));
    return mergeRanks(info, records);
  }

  /// The steps after `after` up to `last` of a branch; with the ε of what a library left out.
  std::vector<StepSummary> summariesOf(int branch, Index after, Index last) {
    std::vector<StepSummary> summaries;
    if (!info->library) {
      addSummaries(branch, after, last, summaries);
      return summaries;
    }
    if (!account && last > 0) {
      const auto newest = read(branch, last);
      account.emplace(newest->account->accountant, newest->account->delta,
                      newest->account->isValid());
    }
    // A library's run has one branch; its steps are accounted once, in order.
    const Index from = std::min(after, account ? account->steps() : after);
    if (ranks.empty())
      addSummaries(branch, from, last, summaries);
    else
      for (Index step = from + 1; step <= last; ++step)
        summaries.push_back(summaryOf(*read(branch, step)));
    for (StepSummary& summary : summaries) {
      if (summary.step > account->steps()) account->account(summary);
      account->fill(summary);
    }
    std::erase_if(summaries, [&](const StepSummary& summary) { return summary.step <= after; });
    return summaries;
  }

  void addSummaries(int branch, Index after, Index last, std::vector<StepSummary>& summaries) {
    while (after < last) {
      RecordingPart& part = partOf(branch, after + 1);
      // As far as no newer part has them.
      Index to = std::min(last, part.range(branch).last);
      for (auto newer = parts.rbegin(); &*newer != &part; ++newer)
        if (const Index first = newer->range(branch).first; first > after + 1)
          to = std::min(to, first - 1);
      part.steps().readSummaries(branch, after, to, summaries);
      after = to;
    }
  }

  std::filesystem::path path;
  std::optional<std::filesystem::path> series;  ///< where it is one of segments
  std::deque<RecordingPart> parts;              ///< one, or the segments in order
  std::deque<RecordingPart*> used;
  std::map<std::string, std::string> meta;
  std::optional<BranchTree> tree;
  int active = 0;
  std::shared_ptr<const RunInfo> info;
  std::vector<std::unique_ptr<State>> ranks;  ///< of a distributed run, all of them
  std::optional<LibraryAccount> account;      ///< of a library's run
  static constexpr Index mostRanks = 4096;
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

bool RecordingReader::isBeingWritten() const {
  for (const auto& rank : m_state->ranks)
    if (RecordingLock::isHeld(rank->path)) return true;
  return RecordingLock::isHeld(m_state->series ? *m_state->series : m_state->path);
}

Index RecordingReader::bytes() const {
  Index total = 0;
  for (const RecordingPart& part : m_state->parts) total += part.bytes();
  for (std::size_t k = 1; k < m_state->ranks.size(); ++k)
    for (const RecordingPart& part : m_state->ranks[k]->parts) total += part.bytes();
  return total;
}

std::vector<StepSummary> RecordingReader::summaries(int branch, Index after) const {
  return m_state->guarded([&] {
    const Branch& of = m_state->tree->at(branch);
    return m_state->summariesOf(branch, std::max(after, of.fork), of.steps);
  });
}

std::shared_ptr<const StepRecord> RecordingReader::step(int branch, Index step) const {
  return m_state->guarded([&] {
    const BranchTree& tree = *m_state->tree;
    if (!tree.contains(branch) || step < 1 || step > tree.at(branch).steps)
      throw FileError("there is no step " + std::to_string(step) + " of branch " +
                      std::to_string(branch));
    auto record = m_state->read(branch, step);
    if (!m_state->info->library || !std::isnan(record->account->epsilon)) return record;
    m_state->summariesOf(branch, step - 1, step);
    auto account = std::make_shared<AccountPart>(*record->account);
    account->epsilon = m_state->account->at(step);
    auto accounted = std::make_shared<StepRecord>(*record);
    accounted->account = std::move(account);
    return std::shared_ptr<const StepRecord>(std::move(accounted));
  });
}

std::vector<RecordingReader::CheckpointPlace> RecordingReader::checkpoints() const {
  return m_state->guarded([&] {
    const BranchTree& tree = *m_state->tree;
    std::map<std::pair<int, Index>, CheckpointPlace> places;
    for (RecordingPart& part : m_state->parts)
      for (const CheckpointPlace& place : m_state->awake(part).checkpoints())
        // One that was just made may be of a step that the last look has not seen.
        if (tree.contains(place.branch) && place.step <= tree.at(place.branch).steps)
          places[{place.branch, place.step}] = place;
    std::vector<CheckpointPlace> list;
    for (const auto& [at, place] : places) list.push_back(place);
    return list;
  });
}

SavedCheckpoint RecordingReader::checkpoint(int branch, Index step) const {
  return m_state->guarded([&] {
    // A segment has those that were given while it was open: of about its steps.
    for (auto part = m_state->parts.rbegin(); part + 1 != m_state->parts.rend(); ++part)
      for (const CheckpointPlace& place : m_state->awake(*part).checkpoints())
        if (place.branch == branch && place.step == step) return part->checkpoint(branch, step);
    return m_state->awake(m_state->parts.front()).checkpoint(branch, step);
  });
}

bool RecordingReader::poll() {
  return m_state->guarded([&] {
    State& s = *m_state;
    if (!s.ranks.empty()) {
      bool changed = false;
      for (const auto& rank : s.ranks) {
        if (!rank->parts.front().look()) continue;
        rank->understand();
        rank->info = rank->parts.front().content().info;
        changed = true;
      }
      if (changed) s.describeRanks();
      return changed;
    }
    const bool changed = s.series ? s.addSegments() : s.parts.front().look();
    if (!changed) return false;
    s.understand();
    // Where a rank's file is shown alone the note of it is kept.
    if (!s.info->library || metaNumber(s.meta, "world_size") < 2)
      s.info = s.parts.front().content().info;
    return true;
  });
}

}  // namespace clipscope
