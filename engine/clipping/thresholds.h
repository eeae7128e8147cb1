// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/clipping/grouping.h"

namespace clipscope {

/// How C is shared out over K groups. All but Custom keep Σ C_k² = C², so that the sensitivity
/// stays C and a comparison with flat clipping is fair.
enum class ThresholdRule {
  Equal,          ///< C_k = C/√K
  SqrtDimension,  ///< C_k ∝ √d_k
  Median,         ///< C_k ∝ the group's median norm in the step before; Equal until there is one
  Custom,         ///< each C_k given
};

/// "equal", "sqrt_dim", "median", "custom".
std::string_view thresholdRuleName(ThresholdRule rule);
/// Throws SettingError naming `setting` and the choices.
ThresholdRule parseThresholdRule(const std::string& text, const std::string& setting);

/// C_k by group. `dimensions` d_k; `medians` of n_ik by group, may be empty; `custom` C_k by group
/// name, for Custom alone: SettingError names a group without a threshold or a threshold without a
/// group. A median of 0 gets the smallest positive share (1e-3 of the largest), never 0.
std::vector<double> makeThresholds(ThresholdRule rule, double maxGradNorm, const Grouping& grouping,
                                   std::span<const Index> dimensions,
                                   std::span<const double> medians,
                                   const std::map<std::string, double>& custom);
/// The same into memory that is there already, for every step.
void makeThresholds(ThresholdRule rule, double maxGradNorm, const Grouping& grouping,
                    std::span<const Index> dimensions, std::span<const double> medians,
                    const std::map<std::string, double>& custom, std::vector<double>& out);

}  // namespace clipscope
