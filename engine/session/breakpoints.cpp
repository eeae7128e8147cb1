// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/breakpoints.h"

#include <algorithm>

#include "engine/session/run_session.h"

namespace clipscope {

bool Breakpoints::isActive() const {
  return std::ranges::any_of(m_list, [](const Breakpoint& b) { return b.isEnabled; });
}

std::optional<BreakHit> Breakpoints::look(const StepRecord& record) {
  std::optional<BreakHit> stopped;
  for (std::size_t k = 0; k < m_list.size(); ++k) {
    Breakpoint& breakpoint = m_list[k];
    if (!breakpoint.isEnabled) continue;
    const auto why = breakpoint.condition.holds(record);
    if (!why) continue;
    ++breakpoint.hits;
    if (breakpoint.hits <= breakpoint.skip || stopped) continue;
    stopped = BreakHit{k, record.step, *record.completed, breakpoint.hits, *why};
  }
  return stopped;
}

std::optional<BreakHit> Breakpoints::finishStep(RunSession& session, std::stop_token stop) {
  std::array<bool, phaseCount> isWanted{};
  for (const Breakpoint& breakpoint : m_list)
    if (breakpoint.isEnabled)
      for (const Phase phase : breakpoint.condition.phases())
        isWanted[static_cast<std::size_t>(phase)] = true;
  isWanted[static_cast<std::size_t>(Phase::Account)] = true;
  const auto completed = session.record()->completed;
  const bool isFresh = !completed || *completed == Phase::Account;
  for (const Phase phase : allPhases) {
    if (!isWanted[static_cast<std::size_t>(phase)]) continue;
    if (!isFresh && phase <= *completed) continue;
    session.advanceTo(phase, stop);
    // A secure run walks through recorded steps whole.
    const StepRecord& now = *session.record();
    if (auto hit = look(now)) return hit;
    if (now.completed == Phase::Account) break;
  }
  return std::nullopt;
}

}  // namespace clipscope
