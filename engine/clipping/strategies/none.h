// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <limits>

#include "engine/clipping/strategy.h"

namespace clipscope {

/// f = 1: nothing is bounded, so no noise gives privacy and ε is ∞. For study.
class NoClipping : public ClipStrategy {
 public:
  std::string_view name() const override { return "none"; }
  std::string_view title() const override { return "None (not private)"; }
  std::string_view formula() const override { return "1"; }
  std::string_view source() const override { return "plain SGD"; }
  double factor(double, double) const override { return 1.0; }
  LengthLaw lengthLaw(double) const override { return {0.0, 0.0}; }
  double sensitivity(double) const override { return std::numeric_limits<double>::infinity(); }
};

}  // namespace clipscope
