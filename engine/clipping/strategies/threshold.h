// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>

#include "engine/clipping/strategy.h"

namespace clipscope {

/// f = min(1, C/(n + κ)). κ = 1e-6 is Opacus's, 0 the paper's.
class ThresholdStrategy : public ClipStrategy {
 public:
  explicit ThresholdStrategy(double clipConstant) : m_clipConstant(clipConstant) {}

  std::string_view name() const override { return "threshold"; }
  std::string_view title() const override { return "Threshold"; }
  std::string_view formula() const override { return "min(1, C / (n + κ))"; }
  std::string_view source() const override { return "Abadi et al. 2016, arXiv:1607.00133"; }
  double factor(double norm, double threshold) const override {
    const double denominator = norm + m_clipConstant;
    // Compared before dividing: C/n overflows where both are extreme.
    return denominator <= threshold ? 1.0 : threshold / denominator;
  }
  LengthLaw lengthLaw(double norm) const override {
    return {norm > 0 ? norm / (norm + m_clipConstant) : 0.0, norm + m_clipConstant};
  }

 private:
  double m_clipConstant;
};

}  // namespace clipscope
