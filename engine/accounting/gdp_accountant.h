// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/accounting/accountant.h"

namespace clipscope {

/// Gaussian differential privacy by the central limit theorem (Bu et al. 2019, arXiv:1911.11607;
/// Dong et al. 2019, arXiv:1905.02383): the composition of many steps is taken for one Gaussian
/// mechanism with
///   μ² = Σ T q² (e^{1/σ²} − 1) over steps with q < 1, and Σ T/σ² over steps with q = 1.
/// An approximation and *not* a bound: with q < 1 its ε is usually too small. Exact where every
/// step has q = 1; the first formula, which is far too large there, is not used for those.
class GdpAccountant : public Accountant {
 public:
  std::string_view name() const override { return "gdp"; }
  bool isBound() const override { return false; }
  void add(double sigma, double sampleRate, std::int64_t steps) override;
  /// ∞ as well where μ is beyond the range of a double (σ below about 0.04).
  double epsilon(double delta) const override;
  double delta(double epsilon) const override;
  const std::vector<AccountedSteps>& history() const override { return m_history; }
  void setHistory(std::vector<AccountedSteps> history) override { m_history = std::move(history); }

  double mu() const;

 private:
  std::vector<AccountedSteps> m_history;
};

}  // namespace clipscope
