// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <chrono>
#include <vector>

namespace clipscope {

/// Adds up what each layer of a model took of each pass, in seconds of the thread that ran it. One
/// a thread. A reading costs some 25 ns, so that it runs always: a block takes four readings a
/// layer.
class LayerClock {
 public:
  enum Pass { Forward, Backward, Norms, Sums };
  static constexpr std::size_t passes = 4;
  using Times = std::array<double, passes>;

  /// Forgets what was measured.
  void reset(std::size_t layers) { m_seconds.assign(layers, {}); }
  void start() { m_last = Clock::now(); }
  /// Charges the time since start() or the last lap to a layer.
  void lap(Pass pass, std::size_t layer) {
    const Clock::time_point now = Clock::now();
    m_seconds[layer][pass] += std::chrono::duration<double>(now - m_last).count();
    m_last = now;
  }
  /// By layer, in the order they run.
  const std::vector<Times>& seconds() const { return m_seconds; }

 private:
  using Clock = std::chrono::steady_clock;

  std::vector<Times> m_seconds;
  Clock::time_point m_last;
};

/// One pass of a block under a clock that may be missing.
class LayerLaps {
 public:
  LayerLaps(LayerClock* clock, LayerClock::Pass pass) : m_clock(clock), m_pass(pass) {
    if (m_clock) m_clock->start();
  }
  void lap(std::size_t layer) {
    if (m_clock) m_clock->lap(m_pass, layer);
  }

 private:
  LayerClock* m_clock;
  LayerClock::Pass m_pass;
};

}  // namespace clipscope
