// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/groups_draft.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/error.h"
#include "engine/training/diagnostics.h"

namespace clipscope {

GroupsDraft::GroupsDraft(std::shared_ptr<const RunInfo> info, const ClippingSettings& settings)
    : m_info(std::move(info)), m_settings(settings) {
  std::set<Index> placed;
  for (const auto& [name, members] : settings.groups) {
    Group group{name, {}, 0};
    for (const std::string& member : members) {
      const auto found = std::find(m_info->tensors.begin(), m_info->tensors.end(), member);
      if (found == m_info->tensors.end()) continue;
      const auto tensor = static_cast<Index>(found - m_info->tensors.begin());
      if (placed.insert(tensor).second) group.tensors.push_back(tensor);
    }
    std::sort(group.tensors.begin(), group.tensors.end());
    if (!group.tensors.empty()) m_groups.push_back(std::move(group));
  }
  if (m_groups.empty()) {
    startFrom(Start::PerLayer);
    return;
  }
  Group others{"others", {}, 0};
  for (Index t = 0; t < static_cast<Index>(m_info->tensors.size()); ++t)
    if (placed.count(t) == 0) others.tensors.push_back(t);
  if (!others.tensors.empty()) m_groups.push_back(std::move(others));
  shareOut();
  for (Group& group : m_groups) {
    const auto given = settings.groupThresholds.find(group.name);
    if (given != settings.groupThresholds.end()) group.threshold = given->second;
  }
}

/// C/√K each, to begin with.
void GroupsDraft::shareOut() {
  const double share = m_settings.maxGradNorm / std::sqrt(static_cast<double>(m_groups.size()));
  for (Group& group : m_groups) group.threshold = share;
}

void GroupsDraft::startFrom(Start start) {
  m_groups.clear();
  if (start == Start::WeightsAndBiases) {
    Group weights{"weights", {}, 0}, biases{"biases", {}, 0};
    for (std::size_t t = 0; t < m_info->tensors.size(); ++t)
      (m_info->tensors[t].ends_with(".bias") ? biases : weights)
          .tensors.push_back(static_cast<Index>(t));
    for (Group& group : {std::ref(weights), std::ref(biases)})
      if (!group.tensors.empty()) m_groups.push_back(std::move(group));
  } else {
    const GroupingKind kind = start == Start::Flat       ? GroupingKind::Flat
                              : start == Start::PerLayer ? GroupingKind::PerLayer
                                                         : GroupingKind::PerParameter;
    const Grouping usual = makeGrouping(kind, m_info->tensors);
    for (const ClippingGroup& group : usual.groups())
      m_groups.push_back({group.name, group.tensors, 0});
  }
  shareOut();
}

void GroupsDraft::move(const std::vector<Index>& tensors, std::size_t to) {
  for (const Index tensor : tensors)
    for (Group& group : m_groups) std::erase(group.tensors, tensor);
  auto& into = m_groups[to].tensors;
  into.insert(into.end(), tensors.begin(), tensors.end());
  std::sort(into.begin(), into.end());
}

bool GroupsDraft::isNameTaken(const std::string& name) const {
  return std::any_of(m_groups.begin(), m_groups.end(),
                     [&](const Group& group) { return group.name == name; });
}

std::size_t GroupsDraft::add() {
  std::size_t number = m_groups.size() + 1;
  while (isNameTaken("group " + std::to_string(number))) ++number;
  m_groups.push_back(
      {"group " + std::to_string(number),
       {},
       m_settings.maxGradNorm / std::sqrt(static_cast<double>(m_groups.size() + 1))});
  return m_groups.size() - 1;
}

void GroupsDraft::rename(std::size_t group, const std::string& name) {
  m_groups[group].name = name;
}

void GroupsDraft::remove(std::size_t group) {
  if (m_groups.size() < 2) return;
  const std::vector<Index> left = m_groups[group].tensors;
  m_groups.erase(m_groups.begin() + static_cast<std::ptrdiff_t>(group));
  move(left, group > 0 ? group - 1 : 0);
}

void GroupsDraft::setThreshold(std::size_t group, double threshold) {
  m_groups[group].threshold = threshold;
}

std::string GroupsDraft::problem() const {
  std::set<std::string> names;
  for (const Group& group : m_groups) {
    if (group.name.empty()) return "a group has no name; give it one";
    if (!names.insert(group.name).second)
      return "two groups are called \"" + group.name + "\"; rename one";
    if (group.tensors.empty())
      return "group \"" + group.name + "\" is empty; drag a tensor into it or remove it";
    if (m_settings.thresholds == ThresholdRule::Custom &&
        !(group.threshold > 0 && group.threshold <= 1e30))
      return "the threshold of \"" + group.name + "\" must be above 0 and at most 1e30";
  }
  // The engine has the last word.
  try {
    const ClippingSettings made = settings();
    const Grouping grouping = makeGrouping(GroupingKind::Custom, m_info->tensors, made.groups);
    std::vector<Index> dimensions;
    for (std::size_t k = 0; k < m_groups.size(); ++k) dimensions.push_back(dimension(k));
    makeThresholds(made.thresholds, made.maxGradNorm, grouping, dimensions, {},
                   made.groupThresholds);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

Index GroupsDraft::dimension(std::size_t group) const {
  Index d = 0;
  for (const Index tensor : m_groups[group].tensors)
    d += m_info->sizes[static_cast<std::size_t>(tensor)];
  return d;
}

double GroupsDraft::medianNorm(const std::vector<Index>& tensors, const StepRecord& record) const {
  if (!record.has(Phase::Norms) || record.info->tensors != m_info->tensors) return notANumber;
  std::vector<double> norms, parts(tensors.size());
  for (Index i = 0; i < record.batchSize(); ++i) {
    if (!std::isfinite(record.norms->global[static_cast<std::size_t>(i)])) continue;
    for (std::size_t k = 0; k < tensors.size(); ++k)
      parts[k] = record.norms->norms.at(i, tensors[k]);
    norms.push_back(combinedNorm(parts));
  }
  std::sort(norms.begin(), norms.end());
  return quantile(norms, 0.5);
}

std::vector<double> GroupsDraft::thresholds(const StepRecord& record) const {
  if (!problem().empty()) return {};
  const ClippingSettings made = settings();
  std::vector<Index> dimensions;
  std::vector<double> medians;
  for (std::size_t k = 0; k < m_groups.size(); ++k) {
    dimensions.push_back(dimension(k));
    const double median = medianNorm(m_groups[k].tensors, record);
    if (!std::isnan(median)) medians.push_back(median);
  }
  return makeThresholds(made.thresholds, made.maxGradNorm,
                        makeGrouping(GroupingKind::Custom, m_info->tensors, made.groups),
                        dimensions, medians, made.groupThresholds);
}

ClippingSettings GroupsDraft::settings() const {
  ClippingSettings made = m_settings;
  made.grouping = GroupingKind::Custom;
  made.groups.clear();
  made.groupThresholds.clear();
  for (const Group& group : m_groups) {
    std::vector<std::string> members;
    for (const Index tensor : group.tensors)
      members.push_back(m_info->tensors[static_cast<std::size_t>(tensor)]);
    made.groups.emplace_back(group.name, std::move(members));
    if (made.thresholds == ThresholdRule::Custom)
      made.groupThresholds[group.name] = group.threshold;
  }
  return made;
}

}  // namespace clipscope
