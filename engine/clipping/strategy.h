// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace clipscope {

/// Constants of the strategies; each reads its own.
struct StrategySettings {
  double clipConstant = 1e-6;  ///< κ of threshold: 1e-6 as Opacus, 0 as the paper
  double gamma = 0.01;         ///< γ of AUTO-S
  double r = 0.01;             ///< r of normalised (NSGD)
  double psacR = 0.1;          ///< r of DP-PSAC
  double globalBound = 0;      ///< Z of global; 0: as large as the threshold C

  friend bool operator==(const StrategySettings&, const StrategySettings&) = default;
};

/// f(n, C)·n, the length that a gradient of norm n is left with, as a function of C: `slope`·C for
/// C < limit, and n from there on.
struct LengthLaw {
  double slope = 0;
  double limit = 0;  ///< ∞ for a rule that scales at every C
};

/// A rule for clip factors: a pure function of one norm and its threshold. Works for norms from 0
/// to beyond float's range and thresholds from 1e-30 to 1e30.
class ClipStrategy {
 public:
  virtual ~ClipStrategy() = default;

  virtual std::string_view name() const = 0;     ///< "auto_s", in files and options
  virtual std::string_view title() const = 0;    ///< "AUTO-S", on screen
  virtual std::string_view formula() const = 0;  ///< "C / (n + γ)"
  virtual std::string_view source() const = 0;   ///< the paper
  /// f(n, C) ≥ 0, for a finite n ≥ 0.
  virtual double factor(double norm, double threshold) const = 0;
  /// The same for every C at once: all rules are piecewise linear in C.
  virtual LengthLaw lengthLaw(double norm) const = 0;
  /// sup over n of f(n)·n: what the noise must be scaled to; ∞ where nothing is bounded.
  virtual double sensitivity(double threshold) const { return threshold; }
  /// True for rules that scale every gradient and may scale it up: "clipped" has no meaning there.
  virtual bool isAutomatic() const { return false; }
};

/// "threshold", "auto_s", "auto_v", "normalised", "psac", "global", "none".
const std::vector<std::string>& strategyNames();

/// Throws SettingError for an unknown name (listing the choices) or a constant out of range.
std::shared_ptr<const ClipStrategy> makeStrategy(const std::string& name,
                                                 const StrategySettings& settings);

}  // namespace clipscope
