// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <vector>

#include "engine/accounting/privacy_loss.h"

namespace clipscope {

/// Tilts s at which cumulants are known: s(0) = 0, s(k) = ±0.01 · 1.25^{|k| − 1} for |k| ≤ most.
class TiltGrid {
 public:
  static constexpr int most = 114;  ///< s(114) = 9e8
  static double tilt(int k);
};

/// The cumulant function K(s) = ln E e^{sL} of one step's privacy loss at every s of the TiltGrid,
/// by the rectangle rule, which is what a search for a window needs; no bound is taken from it.
class LossCumulants {
 public:
  LossCumulants() : m_values(2 * TiltGrid::most + 1, 0.0) {}
  explicit LossCumulants(const PrivacyLoss& loss);

  /// K(s) at any s.
  static double of(const PrivacyLoss& loss, double s);

  double at(int k) const { return m_values[static_cast<std::size_t>(k + TiltGrid::most)]; }
  /// Those of the sum of independent losses.
  void add(const LossCumulants& other, double times);

 private:
  std::vector<double> m_values;
};

}  // namespace clipscope
