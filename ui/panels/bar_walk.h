// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

namespace clipscope {

/// Goes from bar to bar of a histogram, for those without a mouse.
class BarWalk {
 public:
  /// The next of the places `bars`, ascending, in a direction: −1 or 1. At first, and where the
  /// bars are others by now, the nearest beyond where it stood; nothing at the end.
  std::optional<double> next(const std::vector<double>& bars, int direction) {
    std::optional<double> found;
    for (const double bar : bars) {
      const bool isBeyond = !m_at || (direction > 0 ? bar > *m_at : bar < *m_at);
      if (!isBeyond) continue;
      if (!found || direction < 0) found = bar;
    }
    if (found) m_at = found;
    return found;
  }

 private:
  std::optional<double> m_at;
};

}  // namespace clipscope
