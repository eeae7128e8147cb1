// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "engine/session/spent_history.h"

namespace clipscope {

/// What a run had been charged at some of its steps, spread evenly over it: enough to draw ε over
/// the steps without keeping every history.
class SpentSamples {
 public:
  static constexpr std::size_t most = 128;

  /// The step after those before.
  void append(const StepSummary& summary);
  void clear() { *this = {}; }

  Index steps() const { return m_steps; }
  const SpentHistory& now() const { return m_history; }
  /// Steps and histories, ascending; the newest step is always the last.
  std::vector<std::pair<Index, std::vector<AccountedSteps>>> samples() const;

 private:
  SpentHistory m_history;
  Index m_steps = 0, m_every = 1;
  std::vector<std::pair<Index, std::vector<AccountedSteps>>> m_samples;
};

/// ε by one accountant at every point of an axis.
struct EpsilonCurve {
  std::string accountant;
  bool isBound = true;
  std::vector<double> epsilon;
  std::vector<double> lower;  ///< what the true ε is at least; empty where nothing is known
};

/// ε by every accountant, over the steps of a run.
struct EpsilonOverSteps {
  double delta = 0;
  std::vector<Index> steps;
  std::size_t done = 0;  ///< of those points, steps that were taken; the rest is planned
  std::vector<EpsilonCurve> curves;
};

/// At the samples; what `before`, of an earlier state of the same samples and δ, knows of them is
/// taken from there. And, where `planned` is set and goes on beyond them, on to the end of that
/// many steps as the last of them. Throws Cancelled.
EpsilonOverSteps epsilonOverSteps(const SpentSamples& samples, double delta,
                                  const std::optional<std::pair<Index, AccountedSteps>>& planned,
                                  std::stop_token stop = {},
                                  const EpsilonOverSteps* before = nullptr);

/// ε by every accountant, over δ.
struct EpsilonOverDelta {
  std::vector<double> deltas;  ///< descending from 0.1 to 1e-12
  std::vector<EpsilonCurve> curves;
};

/// Throws Cancelled.
EpsilonOverDelta epsilonOverDelta(const std::vector<AccountedSteps>& history,
                                  std::stop_token stop = {});

}  // namespace clipscope
