// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/session/break_condition.h"

namespace clipscope {

class RunSession;

/// Where a run stops.
struct Breakpoint {
  explicit Breakpoint(BreakCondition of) : condition(std::move(of)) {}

  BreakCondition condition;
  bool isEnabled = true;
  Index skip = 0;  ///< hits to run past before it stops
  Index hits = 0;  ///< so far
};

/// Where and why a run stopped.
struct BreakHit {
  std::size_t breakpoint = 0;  ///< which of the list
  Index step = 0;
  Phase phase = Phase::Account;
  Index hits = 0;
  std::string why;  ///< with the numbers
};

/// A list of breakpoints, and the way a run is driven past them. Where a run stopped depends on the
/// data: it is private.
class Breakpoints {
 public:
  std::vector<Breakpoint>& list() { return m_list; }
  const std::vector<Breakpoint>& list() const { return m_list; }
  bool isActive() const;

  /// Counts the hits after the record's last phase; the first breakpoint that stops.
  std::optional<BreakHit> look(const StepRecord& record);
  /// The next step of the session, or the rest of the one under way, up to its end or to the first
  /// breakpoint that stops. The step is cut only where a breakpoint wants to look. Throws as
  /// RunSession::advanceTo.
  std::optional<BreakHit> finishStep(RunSession& session, std::stop_token stop = {});

 private:
  std::vector<Breakpoint> m_list;
};

}  // namespace clipscope
