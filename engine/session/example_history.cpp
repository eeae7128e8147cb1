// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/example_history.h"

#include <algorithm>
#include <cassert>

namespace clipscope {

void ExampleHistory::append(const StepRecord& record) {
  assert(record.has(Phase::Clip));
  append(drawsOf(record));
}

std::shared_ptr<const StepDraws> ExampleHistory::drawsOf(const StepRecord& record) {
  auto made = std::make_shared<StepDraws>();
  made->step = record.step;
  made->draws.resize(record.sample->examples.size());
  for (std::size_t i = 0; i < made->draws.size(); ++i) {
    const auto row = static_cast<Index>(i);
    StepDraws::Draw& draw = made->draws[i];
    draw.example = static_cast<std::int32_t>(record.sample->examples[i]);
    draw.label = static_cast<std::int16_t>(std::min(record.sample->labels[i], 32767));
    draw.loss = record.forward->losses[i];
    draw.normBefore = record.norms->global[i];
    draw.normAfter = record.clip->factors.clippedNorm(row);
    draw.factor = record.clip->factors.overallFactor(row);
    draw.share =
        usedShare(record.clip->factors, row, record.clip->groups, record.clip->sensitivity);
    draw.isClipped = record.clip->factors.clipped(row);
  }
  return made;
}

void ExampleHistory::append(std::shared_ptr<const StepDraws> draws) {
  truncate(draws->step - 1);
  m_bytes += draws->bytes();
  m_steps.push_back(std::move(draws));
  while (m_bytes > m_budget && !m_steps.empty()) {
    m_bytes -= m_steps.front()->bytes();
    m_steps.pop_front();
  }
}

void ExampleHistory::append(std::shared_ptr<const NormRefresh> refresh) {
  const auto at = std::ranges::lower_bound(m_refreshes, refresh->step, {},
                                           [](const auto& one) { return one->step; });
  const auto bytes = [](const auto& of) { return of->bytes(); };
  m_refreshBytes += bytes(refresh);
  if (at != m_refreshes.end() && (*at)->step == refresh->step) {
    m_refreshBytes -= bytes(*at);
    *at = std::move(refresh);
  } else {
    m_refreshes.insert(at, std::move(refresh));
  }
  while (m_refreshBytes > m_budget && m_refreshes.size() > 1) {
    m_refreshBytes -= bytes(m_refreshes.front());
    m_refreshes.pop_front();
  }
}

void ExampleHistory::truncate(Index step) {
  while (!m_refreshes.empty() && m_refreshes.back()->step > step) {
    m_refreshBytes -= m_refreshes.back()->bytes();
    m_refreshes.pop_back();
  }
  while (!m_steps.empty() && m_steps.back()->step > step) {
    m_bytes -= m_steps.back()->bytes();
    m_steps.pop_back();
  }
}

void ExampleHistory::clear() { truncate(0); }

std::vector<ExampleDraw> ExampleHistory::drawsOf(Index example) const {
  std::vector<ExampleDraw> found;
  for (const auto& step : m_steps) {
    const auto at = std::ranges::lower_bound(
        step->draws, example, {},
        [](const StepDraws::Draw& draw) { return static_cast<Index>(draw.example); });
    if (at == step->draws.end() || at->example != example) continue;
    found.push_back({step->step, at->normBefore, at->normAfter, at->factor, at->loss});
  }
  return found;
}

}  // namespace clipscope
