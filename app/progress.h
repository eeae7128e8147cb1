// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>

#include "engine/training/step_record.h"

namespace clipscope {

/// Progress on stderr: a bar that redraws itself on a terminal, a line now and then otherwise.
class Progress {
 public:
  explicit Progress(Index steps);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(const StepRecord& record, double accuracy);
  /// Ends the bar's line.
  void finish();

 private:
  Index m_steps;
  bool m_terminal;
  bool m_open = false;
  std::chrono::steady_clock::time_point m_start, m_last;
};

}  // namespace clipscope
