// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// Which parameter tensors share one clipping threshold. Two things are called "per-layer" in the
/// field, so neither of them is the bare word here: PerLayer keeps a layer's weight and bias
/// together; PerParameter gives each tensor its own (what Opacus calls "per_layer").
enum class GroupingKind { Flat, PerLayer, PerParameter, Custom };

/// "flat", "layer", "param", "custom"; also read: "per_layer", "per-layer", "per_param", …
std::string_view groupingName(GroupingKind kind);
/// Throws SettingError naming `setting` and the choices.
GroupingKind parseGrouping(const std::string& text, const std::string& setting);

struct ClippingGroup {
  std::string name;
  std::vector<Index> tensors;  ///< trainable indices, ascending
};

/// A partition of the trainable tensors.
class Grouping {
 public:
  Grouping() = default;
  explicit Grouping(std::vector<ClippingGroup> groups, Index tensors);

  const std::vector<ClippingGroup>& groups() const { return m_groups; }
  Index count() const { return static_cast<Index>(m_groups.size()); }
  Index groupOf(Index tensor) const { return m_groupOf[static_cast<std::size_t>(tensor)]; }
  Index tensors() const { return static_cast<Index>(m_groupOf.size()); }

 private:
  std::vector<ClippingGroup> m_groups;
  std::vector<Index> m_groupOf;
};

/// `tensors` are the names of the trainable tensors ("conv1.weight": the layer is what stands
/// before the last dot). `custom` lists groups by name with their tensors' names, for
/// GroupingKind::Custom; it must be a partition: SettingError names the tensor that is missing,
/// doubled or unknown.
Grouping makeGrouping(
    GroupingKind kind, const std::vector<std::string>& tensors,
    const std::vector<std::pair<std::string, std::vector<std::string>>>& custom = {});

}  // namespace clipscope
