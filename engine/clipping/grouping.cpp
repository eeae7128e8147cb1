// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/clipping/grouping.h"

#include <algorithm>
#include <map>

#include "engine/error.h"

namespace clipscope {

std::string_view groupingName(GroupingKind kind) {
  switch (kind) {
    case GroupingKind::Flat:
      return "flat";
    case GroupingKind::PerLayer:
      return "layer";
    case GroupingKind::PerParameter:
      return "param";
    case GroupingKind::Custom:
      return "custom";
  }
  return "flat";
}

GroupingKind parseGrouping(const std::string& text, const std::string& setting) {
  std::string plain = text;
  for (const char* prefix : {"per_", "per-"})
    if (plain.rfind(prefix, 0) == 0) plain = plain.substr(4);
  if (plain == "parameter") plain = "param";
  for (const GroupingKind kind : {GroupingKind::Flat, GroupingKind::PerLayer,
                                  GroupingKind::PerParameter, GroupingKind::Custom})
    if (plain == groupingName(kind)) return kind;
  throw SettingError(setting + ": \"" + text +
                     "\" is not a grouping; choose flat, layer, param or custom");
}

Grouping::Grouping(std::vector<ClippingGroup> groups, Index tensors)
    : m_groups(std::move(groups)), m_groupOf(static_cast<std::size_t>(tensors), 0) {
  for (std::size_t k = 0; k < m_groups.size(); ++k)
    for (const Index tensor : m_groups[k].tensors)
      m_groupOf[static_cast<std::size_t>(tensor)] = static_cast<Index>(k);
}

namespace {

std::vector<ClippingGroup> customGroups(
    const std::vector<std::string>& tensors,
    const std::vector<std::pair<std::string, std::vector<std::string>>>& custom) {
  std::vector<ClippingGroup> groups;
  std::map<std::string, std::string> placed;
  for (const auto& [name, members] : custom) {
    if (members.empty())
      throw SettingError("clipping.groups: group \"" + name +
                         "\" is empty; add a parameter or remove it");
    ClippingGroup group{name, {}};
    for (const std::string& member : members) {
      const auto found = std::find(tensors.begin(), tensors.end(), member);
      if (found == tensors.end())
        throw SettingError("clipping.groups: \"" + member + "\" in group \"" + name +
                           "\" is not a trainable parameter of the model");
      if (!placed.emplace(member, name).second)
        throw SettingError("clipping.groups: \"" + member + "\" is in two groups, \"" +
                           placed[member] + "\" and \"" + name + "\"; keep it in one");
      group.tensors.push_back(found - tensors.begin());
    }
    std::sort(group.tensors.begin(), group.tensors.end());
    groups.push_back(std::move(group));
  }
  for (const std::string& tensor : tensors)
    if (placed.count(tensor) == 0)
      throw SettingError("clipping.groups: \"" + tensor +
                         "\" is in no group; every trainable parameter needs one");
  return groups;
}

}  // namespace

Grouping makeGrouping(GroupingKind kind, const std::vector<std::string>& tensors,
                      const std::vector<std::pair<std::string, std::vector<std::string>>>& custom) {
  std::vector<ClippingGroup> groups;
  const auto count = static_cast<Index>(tensors.size());
  switch (kind) {
    case GroupingKind::Flat: {
      ClippingGroup all{"all", {}};
      for (Index t = 0; t < count; ++t) all.tensors.push_back(t);
      groups.push_back(std::move(all));
      break;
    }
    case GroupingKind::PerLayer:
      for (Index t = 0; t < count; ++t) {
        const std::string& name = tensors[static_cast<std::size_t>(t)];
        const std::string layer = name.substr(0, name.rfind('.'));
        const auto found = std::find_if(groups.begin(), groups.end(),
                                        [&](const ClippingGroup& g) { return g.name == layer; });
        if (found == groups.end())
          groups.push_back({layer, {t}});
        else
          found->tensors.push_back(t);
      }
      break;
    case GroupingKind::PerParameter:
      for (Index t = 0; t < count; ++t)
        groups.push_back({tensors[static_cast<std::size_t>(t)], {t}});
      break;
    case GroupingKind::Custom:
      groups = customGroups(tensors, custom);
      break;
  }
  return Grouping(std::move(groups), count);
}

}  // namespace clipscope
