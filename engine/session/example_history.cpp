// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/session/example_history.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace clipscope {

namespace {

/// StepDraws::Draw::share of a row.
double shareOf(const ClipPart& clip, Index row) {
  double used = 0, whole = 0;
  for (std::size_t k = 0; k < clip.groups.size(); ++k) {
    const GroupResult& group = clip.groups[k];
    const double norm = clip.factors.clippedGroupNorm(row, static_cast<Index>(k));
    if (!(group.noiseStd > 0)) return 1;
    used += norm * norm / (group.noiseStd * group.noiseStd);
    whole += group.threshold * group.threshold / (group.noiseStd * group.noiseStd);
  }
  return std::isfinite(clip.sensitivity) && whole > 0 ? std::min(1.0, std::sqrt(used / whole)) : 1;
}

}  // namespace

void ExampleHistory::append(const StepRecord& record) {
  assert(record.has(Phase::Clip));
  auto made = std::make_shared<StepDraws>();
  made->step = record.step;
  made->draws.resize(record.sample->examples.size());
  for (std::size_t i = 0; i < made->draws.size(); ++i) {
    const auto row = static_cast<Index>(i);
    StepDraws::Draw& draw = made->draws[i];
    draw.example = static_cast<std::int32_t>(record.sample->examples[i]);
    draw.loss = record.forward->losses[i];
    draw.normBefore = record.norms->global[i];
    draw.normAfter = record.clip->factors.clippedNorm(row);
    draw.factor = record.clip->factors.overallFactor(row);
    draw.share = shareOf(*record.clip, row);
  }
  append(std::move(made));
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

void ExampleHistory::truncate(Index step) {
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
