// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/spec_report.h"

namespace clipscope {

/// Changes to a model's spec, each a function from spec to spec. Layers are named by JSON pointers
/// ("/layers/2/layers/0"), lists of layers likewise ("/layers", "/layers/2/shortcut").

/// A gap in a list of layers: before the layer that has this index now.
struct SpecGap {
  std::string list;
  int index = 0;
};

/// The gap before a layer: its list and its index there.
SpecGap gapBefore(const std::string& layer);
/// The layer that stands behind a gap: "/layers" and 2 give "/layers/2".
std::string layerAt(const SpecGap& gap);
/// The block that a list belongs to; "" for the model's own.
std::string blockOf(const std::string& list);
int layersIn(const nlohmann::json& spec, const std::string& list);

nlohmann::json insertLayer(nlohmann::json spec, const SpecGap& gap, nlohmann::json layer);
/// Also forgets that it was frozen. A shortcut that is left empty goes too.
nlohmann::json removeLayer(nlohmann::json spec, const std::string& layer);
/// `moved` gets the layer's new pointer. A layer cannot go into itself: the spec stays.
nlohmann::json moveLayer(nlohmann::json spec, const std::string& layer, const SpecGap& gap,
                         std::string& moved);
/// Puts a copy without names behind the layer.
nlohmann::json duplicateLayer(nlohmann::json spec, const std::string& layer);
/// A null value takes the field out.
nlohmann::json setField(nlohmann::json spec, const std::string& layer, const std::string& field,
                        nlohmann::json value);
/// Also where the name is frozen or reused; `before` is the name that the layer has in the report.
nlohmann::json renameLayer(nlohmann::json spec, const std::string& layer, const std::string& before,
                           const std::string& after);
/// The layer, or all layers of the block, with the name that the report gives it.
nlohmann::json freezeLayer(nlohmann::json spec, const std::string& layer, const std::string& name,
                           bool frozen);
/// Does the spec's list freeze the name, or a tensor of it?
enum class Frozen { No, Partly, Yes };
Frozen frozenState(const nlohmann::json& spec, const std::string& name);

/// A layer of a kind with its required fields filled in so that it fits behind `input`.
nlohmann::json sampleLayer(const std::string& type, const Shape& input, Index outputs,
                           const std::string& earlierLayer);

}  // namespace clipscope
