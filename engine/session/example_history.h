// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/training/norm_refresh.h"

namespace clipscope {

/// One step in which an example was drawn, and what became of its gradient.
struct ExampleDraw {
  Index step = 0;
  double normBefore = 0;  ///< n_i
  double normAfter = 0;   ///< ‖clipped g_i‖; 0 for a gradient that is not finite
  double factor = 0;      ///< normAfter/normBefore; 1 for a gradient of 0
  float loss = 0;
};

/// The draws of one step, by example ascending. Immutable, so that histories on two threads share
/// it.
struct StepDraws {
  struct Draw {
    std::int32_t example = 0;  ///< dataset index
    float loss = 0;
    float share = 1;          ///< usedShare(): how much of the sensitivity it used, in 0 … 1
    bool isClipped = false;   ///< ClipFactors::clipped(); true for a gradient that is not finite
    std::int16_t label = -1;  ///< its class; −1 for none
    double normBefore = 0, normAfter = 0, factor = 0;
  };
  Index step = 0;
  std::vector<Draw> draws;

  Index bytes() const {
    return static_cast<Index>(sizeof(StepDraws) + draws.capacity() * sizeof(Draw));
  }
};

/// What became of every example drawn, step by step, and the norms of all where a step refreshed
/// them: two rings bounded in bytes that forget the oldest steps first (at batch 256 the default
/// holds about 5,000 steps).
class ExampleHistory {
 public:
  static constexpr Index defaultBudget = Index{64} << 20;

  explicit ExampleHistory(Index byteBudget = defaultBudget) : m_budget(byteBudget) {}

  /// Adds a step; the record must have its Clip phase. A step that is there already, or an earlier
  /// one, first truncates to the step before it.
  void append(const StepRecord& record);
  /// What it keeps of a step that has phase Clip.
  static std::shared_ptr<const StepDraws> drawsOf(const StepRecord& record);
  void append(std::shared_ptr<const StepDraws> draws);
  /// Adds the norms that a step refreshed, or replaces those that it had.
  void append(std::shared_ptr<const NormRefresh> refresh);
  /// Forgets the steps after `step`.
  void truncate(Index step);
  void clear();

  /// Every remembered draw of dataset example `example`, in the order of the steps.
  std::vector<ExampleDraw> drawsOf(Index example) const;

  /// The oldest and the newest step remembered; 0 when there is none.
  Index firstStep() const { return m_steps.empty() ? 0 : m_steps.front()->step; }
  Index lastStep() const { return m_steps.empty() ? 0 : m_steps.back()->step; }
  Index bytes() const { return m_bytes; }
  const std::deque<std::shared_ptr<const StepDraws>>& steps() const { return m_steps; }
  /// By step ascending.
  const std::deque<std::shared_ptr<const NormRefresh>>& refreshes() const { return m_refreshes; }

 private:
  std::deque<std::shared_ptr<const StepDraws>> m_steps;
  std::deque<std::shared_ptr<const NormRefresh>> m_refreshes;
  Index m_refreshBytes = 0;
  Index m_budget;
  Index m_bytes = 0;
};

}  // namespace clipscope
