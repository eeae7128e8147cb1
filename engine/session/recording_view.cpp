// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/recording_view.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace clipscope {

namespace {

std::vector<std::pair<int, std::string>> namesOf(const BranchTree& tree) {
  std::vector<std::pair<int, std::string>> names;
  for (const Branch& branch : tree.branches()) names.emplace_back(branch.number, branch.name);
  return names;
}

}  // namespace

RecordingView::RecordingView(const std::filesystem::path& path) : m_reader(path) {
  m_branch = m_reader.activeBranch();
  load();
  auto empty = std::make_shared<StepRecord>();
  empty->info = m_reader.info();
  m_record = std::move(empty);
  if (steps() > 0) goTo(m_branch, steps());
}

void RecordingView::load() {
  for (const Branch& branch : m_reader.tree().branches()) {
    auto& own = m_own[branch.number];
    const Index known = branch.fork + static_cast<Index>(own.size());
    const auto more = m_reader.summaries(branch.number, known);
    own.insert(own.end(), more.begin(), more.end());
  }
  std::erase_if(m_own, [&](const auto& entry) { return !m_reader.tree().contains(entry.first); });
}

RunPosition RecordingView::position() const {
  RunPosition position;
  position.step = m_record->step;
  position.phase = m_record->completed;
  position.branch = m_branch;
  position.knownSteps = steps();
  if (position.knownSteps > 0) position.knownPhase = Phase::Account;
  return position;
}

const Experiment& RecordingView::experiment() const {
  return *m_reader.tree().settingsOf(m_branch, std::max<Index>(1, m_record->step));
}

void RecordingView::goTo(int branch, Index step) {
  if (!m_reader.tree().contains(branch))
    throw SettingError("there is no branch " + std::to_string(branch) + " any more");
  const Branch& to = m_reader.tree().at(branch);
  if (step < 0 || step > to.steps)
    throw SettingError("step " + std::to_string(step) + " is not known: " + to.name +
                       " has come to step " + std::to_string(to.steps));
  std::shared_ptr<const StepRecord> record;
  if (step > 0) {
    record = m_reader.step(branch, step);
  } else {
    auto empty = std::make_shared<StepRecord>();
    empty->info = m_reader.info();
    record = std::move(empty);
  }
  if (branch != m_branch) {
    m_newsKeep = std::min(m_newsKeep, m_reader.tree().shared(m_branch, branch));
    m_branch = branch;
    m_branchesChanged = true;
  }
  m_record = std::move(record);
}

bool RecordingView::poll() {
  const bool atTheEnd = m_record->step == steps() && m_branch == m_reader.activeBranch();
  const auto names = namesOf(m_reader.tree());
  if (!m_reader.poll()) return false;
  if (!m_reader.tree().contains(m_branch)) {
    m_branch = m_reader.activeBranch();
    m_newsKeep = 0;
  }
  load();
  m_branchesChanged =
      m_branchesChanged || names != namesOf(m_reader.tree()) || m_branch != m_reader.activeBranch();
  if (atTheEnd)
    goTo(m_reader.activeBranch(), m_reader.tree().at(m_reader.activeBranch()).steps);
  else if (m_record->step > steps())
    goTo(m_branch, steps());
  return true;
}

std::vector<std::shared_ptr<const StepDraws>> RecordingView::newDraws() {
  std::vector<std::shared_ptr<const StepDraws>> draws;
  const auto& library = m_reader.info()->library;
  if (library && !library->examplesKnown) return draws;
  // As many as are read in well under a second.
  constexpr Index mostSteps = 2000;
  Index bytes = 0;
  for (Index step = steps();
       step > std::max(m_newsKeep, steps() - mostSteps) && bytes < ExampleHistory::defaultBudget;
       --step) {
    const auto record = m_reader.step(m_branch, step);
    // A step without its tables says nothing of who was drawn.
    if (record->batchSize() == 0 && record->drawn() > 0) continue;
    draws.push_back(ExampleHistory::drawsOf(*record));
    bytes += draws.back()->bytes();
  }
  std::ranges::reverse(draws);
  return draws;
}

RunNews RecordingView::takeNews() {
  RunNews news;
  news.keep = m_newsKeep;
  news.summaries = summariesOf(m_reader.tree(), m_branch, m_own, m_newsKeep);
  news.draws = newDraws();
  m_newsKeep = steps();
  if (std::exchange(m_branchesChanged, false))
    news.branches = branchLines(m_reader.tree(), m_branch, m_own);
  return news;
}

}  // namespace clipscope
