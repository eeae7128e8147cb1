// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/clipping/thresholds.h"

#include <algorithm>
#include <cmath>

#include "engine/clipping/norm_table.h"
#include "engine/error.h"

namespace clipscope {

std::string_view thresholdRuleName(ThresholdRule rule) {
  switch (rule) {
    case ThresholdRule::Equal:
      return "equal";
    case ThresholdRule::SqrtDimension:
      return "sqrt_dim";
    case ThresholdRule::Median:
      return "median";
    case ThresholdRule::Custom:
      return "custom";
  }
  return "equal";
}

ThresholdRule parseThresholdRule(const std::string& text, const std::string& setting) {
  for (const ThresholdRule rule : {ThresholdRule::Equal, ThresholdRule::SqrtDimension,
                                   ThresholdRule::Median, ThresholdRule::Custom})
    if (text == thresholdRuleName(rule)) return rule;
  throw SettingError(setting + ": \"" + text +
                     "\" is not a rule; choose equal, sqrt_dim, median or custom");
}

namespace {

void given(const Grouping& grouping, const std::map<std::string, double>& custom,
           std::vector<double>& thresholds) {
  thresholds.clear();
  for (const ClippingGroup& group : grouping.groups()) {
    const auto found = custom.find(group.name);
    if (found == custom.end())
      throw SettingError("clipping.group_thresholds: group \"" + group.name +
                         "\" has no threshold; give one");
    if (!std::isfinite(found->second) || found->second <= 0)
      throw SettingError("clipping.group_thresholds: \"" + group.name + "\" must be above 0");
    thresholds.push_back(found->second);
  }
  for (const auto& [name, threshold] : custom) {
    const auto& groups = grouping.groups();
    if (std::none_of(groups.begin(), groups.end(),
                     [&name = name](const auto& g) { return g.name == name; }))
      throw SettingError("clipping.group_thresholds: there is no group \"" + name + "\"");
  }
}

}  // namespace

std::vector<double> makeThresholds(ThresholdRule rule, double maxGradNorm, const Grouping& grouping,
                                   std::span<const Index> dimensions,
                                   std::span<const double> medians,
                                   const std::map<std::string, double>& custom) {
  std::vector<double> thresholds;
  makeThresholds(rule, maxGradNorm, grouping, dimensions, medians, custom, thresholds);
  return thresholds;
}

void makeThresholds(ThresholdRule rule, double maxGradNorm, const Grouping& grouping,
                    std::span<const Index> dimensions, std::span<const double> medians,
                    const std::map<std::string, double>& custom, std::vector<double>& weights) {
  if (rule == ThresholdRule::Custom) {
    given(grouping, custom, weights);
    return;
  }
  const auto count = static_cast<std::size_t>(grouping.count());
  weights.assign(count, count == 1 ? maxGradNorm : 1.0);
  if (count == 1) return;
  if (rule == ThresholdRule::SqrtDimension) {
    for (std::size_t k = 0; k < count; ++k)
      weights[k] = std::sqrt(static_cast<double>(dimensions[k]));
  } else if (rule == ThresholdRule::Median && medians.size() == count) {
    const double largest = *std::max_element(medians.begin(), medians.end());
    if (largest > 0 && std::isfinite(largest))
      for (std::size_t k = 0; k < count; ++k) weights[k] = std::max(medians[k] / largest, 1e-3);
  }
  const double length = combinedNorm(weights);
  for (double& weight : weights) weight = maxGradNorm * (weight / length);
}

}  // namespace clipscope
