// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <limits>

#include "engine/clipping/strategy.h"

namespace clipscope {

/// f = C/Z where n ≤ Z, else 0: longer gradients are dropped, the others keep their proportions.
/// Sensitivity C. Z = 0 in the settings stands for Z = C.
class GlobalStrategy : public ClipStrategy {
 public:
  explicit GlobalStrategy(double bound) : m_bound(bound) {}

  std::string_view name() const override { return "global"; }
  std::string_view title() const override { return "Global (drop)"; }
  std::string_view formula() const override { return "C / Z if n ≤ Z, else 0"; }
  std::string_view source() const override { return "Bu et al. 2021, arXiv:2106.07830"; }
  double factor(double norm, double threshold) const override {
    const double bound = m_bound > 0 ? m_bound : threshold;
    return norm <= bound ? threshold / bound : 0.0;
  }
  LengthLaw lengthLaw(double norm) const override {
    // With Z = C a gradient is kept as it is from C = n on, and dropped below.
    if (m_bound <= 0) return {0.0, norm};
    return {norm <= m_bound ? norm / m_bound : 0.0, std::numeric_limits<double>::infinity()};
  }

 private:
  double m_bound;
};

}  // namespace clipscope
