// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <limits>

#include "engine/clipping/strategy.h"

namespace clipscope {

/// The rules without a minimum: every gradient is brought near length C, and small ones are scaled
/// up. All satisfy f·n ≤ C.
class AutomaticStrategy : public ClipStrategy {
 public:
  bool isAutomatic() const override { return true; }
  LengthLaw lengthLaw(double norm) const override {
    return {factor(norm, 1.0) * norm, std::numeric_limits<double>::infinity()};
  }
};

/// f = C/(n + γ).
class AutoSStrategy : public AutomaticStrategy {
 public:
  explicit AutoSStrategy(double gamma) : m_gamma(gamma) {}

  std::string_view name() const override { return "auto_s"; }
  std::string_view title() const override { return "AUTO-S"; }
  std::string_view formula() const override { return "C / (n + γ)"; }
  std::string_view source() const override { return "Bu et al. 2022, arXiv:2206.07136"; }
  double factor(double norm, double threshold) const override {
    return threshold / (norm + m_gamma);
  }

 private:
  double m_gamma;
};

/// f = C/n; 0 for a gradient of 0, which has no direction.
class AutoVStrategy : public AutomaticStrategy {
 public:
  std::string_view name() const override { return "auto_v"; }
  std::string_view title() const override { return "AUTO-V"; }
  std::string_view formula() const override { return "C / n"; }
  std::string_view source() const override { return "Bu et al. 2022, arXiv:2206.07136"; }
  double factor(double norm, double threshold) const override {
    return norm > 0 ? threshold / norm : 0.0;
  }
};

/// f = C/(n + r).
class NormalisedStrategy : public AutomaticStrategy {
 public:
  explicit NormalisedStrategy(double r) : m_r(r) {}

  std::string_view name() const override { return "normalised"; }
  std::string_view title() const override { return "Normalised"; }
  std::string_view formula() const override { return "C / (n + r)"; }
  std::string_view source() const override { return "Yang et al. 2022, arXiv:2206.13033"; }
  double factor(double norm, double threshold) const override { return threshold / (norm + m_r); }

 private:
  double m_r;
};

/// f = C/(n + r/(n + r)).
class PsacStrategy : public AutomaticStrategy {
 public:
  explicit PsacStrategy(double r) : m_r(r) {}

  std::string_view name() const override { return "psac"; }
  std::string_view title() const override { return "DP-PSAC"; }
  std::string_view formula() const override { return "C / (n + r / (n + r))"; }
  std::string_view source() const override { return "Xia et al. 2023, arXiv:2212.00328"; }
  double factor(double norm, double threshold) const override {
    return threshold / (norm + m_r / (norm + m_r));
  }

 private:
  double m_r;
};

}  // namespace clipscope
