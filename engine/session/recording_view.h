// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>

#include "engine/recording/recording_reader.h"
#include "engine/session/branch_lines.h"
#include "engine/session/run_session.h"

namespace clipscope {

/// A recording that is looked at and not gone on with: one that another process writes, whose data
/// are not at hand, or that may not be written. Whole steps only, as they were recorded. It has the
/// questions of a RunSession that need no training, and follows the file. Not thread-safe.
class RecordingView {
 public:
  /// At the newest step. Throws FileError as RecordingReader.
  explicit RecordingView(const std::filesystem::path& path);

  const RecordingReader& recording() const { return m_reader; }
  const std::shared_ptr<const StepRecord>& record() const { return m_record; }
  RunPosition position() const;
  /// The settings of the step shown; of the first step before it.
  const Experiment& experiment() const;

  /// To a known step; step 0 is the state before the first. Throws SettingError for one that is not
  /// known, FileError where it cannot be read: nothing has changed then.
  void goTo(int branch, Index step);
  /// Takes in what was written since. True where there is something new; where it stood at the end
  /// of the branch that is written it goes along.
  bool poll();

  /// As RunSession::takeNews().
  RunNews takeNews();

 private:
  void load();
  Index steps() const { return m_reader.tree().at(m_branch).steps; }

  RecordingReader m_reader;
  int m_branch = 0;
  OwnSummaries m_own;
  std::shared_ptr<const StepRecord> m_record;
  /// Of the newest steps that have tables, as far back as ExampleHistory remembers.
  std::vector<std::shared_ptr<const StepDraws>> newDraws();

  Index m_newsKeep = 0;
  bool m_branchesChanged = true;
};

}  // namespace clipscope
