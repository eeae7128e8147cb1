// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "engine/interchange/trace_file.h"

namespace clipscope {

/// The times of a headless run, for `run --profile`; does nothing without a path.
class RunTrace {
 public:
  /// Throws FileError where nothing can be written there.
  explicit RunTrace(const std::string& path) {
    if (!path.empty()) m_file.emplace(path);
  }

  /// A step has just ended.
  void stepped(const StepRecord& record) {
    m_last = sinceStart();
    if (m_file) m_file->addStep(record, m_last);
  }
  /// A task that followed the step has just ended.
  void evaluated() { add("evaluation"); }
  void refreshed() { add("norms of all examples"); }
  void finish() {
    if (m_file) m_file->commit();
  }

 private:
  using Clock = std::chrono::steady_clock;
  void add(const char* task) {
    const double now = sinceStart();
    if (m_file) m_file->addTask(task, now - m_last, now);
    m_last = now;
  }
  double sinceStart() const {
    return std::chrono::duration<double>(Clock::now() - m_start).count();
  }

  std::optional<TraceFile> m_file;
  Clock::time_point m_start = Clock::now();
  double m_last = 0;
};

}  // namespace clipscope
