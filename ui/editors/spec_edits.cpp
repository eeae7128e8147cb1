// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/spec_edits.h"

#include <algorithm>
#include <functional>

#include "engine/model/layers/registry.h"

namespace clipscope {

using nlohmann::json;
using Pointer = json::json_pointer;

namespace {

/// Set on a layer while it moves; no layer has such a field.
const char* const mark = "\x01moved";

/// The list, made where the block has none yet.
json& listAt(json& spec, const std::string& list) {
  json& layers = spec[Pointer(list)];
  if (!layers.is_array()) layers = json::array();
  return layers;
}

/// Calls `see(pointer, layer)` for every layer until it returns true.
bool findLayer(json& spec, const std::string& list,
               const std::function<bool(const std::string&, json&)>& see) {
  const Pointer at(list);
  if (!spec.contains(at) || !spec.at(at).is_array()) return false;
  for (int k = 0; k < layersIn(spec, list); ++k) {
    const std::string layer = layerAt({list, k});
    json& fields = spec.at(Pointer(layer));
    if (see(layer, fields)) return true;
    if (!fields.is_object()) continue;
    for (const char* inner : {"/layers", "/shortcut"})
      if (findLayer(spec, layer + inner, see)) return true;
  }
  return false;
}

void dropEmptyShortcut(json& spec, const std::string& list) {
  const std::string block = blockOf(list);
  if (block.empty() || list != block + "/shortcut") return;
  json& fields = spec.at(Pointer(block));
  if (fields.contains("shortcut") && fields.at("shortcut").empty()) fields.erase("shortcut");
}

void forgetNames(json& fields) {
  if (!fields.is_object()) return;
  fields.erase("name");
  for (const char* list : {"layers", "shortcut"})
    if (fields.contains(list) && fields.at(list).is_array())
      for (json& inner : fields.at(list)) forgetNames(inner);
}

/// Replaces entries of the "frozen" list; an empty name takes them out.
void renameFrozen(json& spec, const std::string& before, const std::string& after) {
  if (!spec.contains("frozen") || !spec.at("frozen").is_array()) return;
  json kept = json::array();
  for (const json& entry : spec.at("frozen")) {
    const std::string name = entry.is_string() ? entry.get<std::string>() : std::string();
    const bool whole = name == before, part = name.rfind(before + ".", 0) == 0;
    if (!whole && !part)
      kept.push_back(entry);
    else if (!after.empty())
      kept.push_back(after + name.substr(before.size()));
  }
  if (kept.empty())
    spec.erase("frozen");
  else
    spec["frozen"] = kept;
}

}  // namespace

SpecGap gapBefore(const std::string& layer) {
  const auto slash = layer.rfind('/');
  return {layer.substr(0, slash), std::stoi(layer.substr(slash + 1))};
}

std::string layerAt(const SpecGap& gap) { return gap.list + "/" + std::to_string(gap.index); }

std::string blockOf(const std::string& list) { return list.substr(0, list.rfind('/')); }

int layersIn(const json& spec, const std::string& list) {
  const Pointer at(list);
  return spec.contains(at) && spec.at(at).is_array() ? static_cast<int>(spec.at(at).size()) : 0;
}

json insertLayer(json spec, const SpecGap& gap, json layer) {
  json& list = listAt(spec, gap.list);
  list.insert(list.begin() + gap.index, std::move(layer));
  return spec;
}

json removeLayer(json spec, const std::string& layer) {
  json removed = spec.at(Pointer(layer));
  // Names that go with it; one that another layer has too stays frozen there.
  const std::function<void(const json&)> forget = [&](const json& fields) {
    if (!fields.is_object()) return;
    if (const std::string name = fields.value("name", ""); !name.empty())
      renameFrozen(spec, name, {});
    for (const char* list : {"layers", "shortcut"})
      if (fields.contains(list))
        for (const json& inner : fields.at(list)) forget(inner);
  };
  forget(removed);
  const SpecGap gap = gapBefore(layer);
  spec.at(Pointer(gap.list)).erase(static_cast<std::size_t>(gap.index));
  dropEmptyShortcut(spec, gap.list);
  return spec;
}

json moveLayer(json spec, const std::string& layer, const SpecGap& gap, std::string& moved) {
  moved = layer;
  if (gap.list == layer || gap.list.rfind(layer + "/", 0) == 0) return spec;
  json copy = spec.at(Pointer(layer));
  copy[mark] = true;
  const SpecGap from = gapBefore(layer);
  spec.at(Pointer(layer)) = nullptr;
  spec = insertLayer(std::move(spec), gap, std::move(copy));
  // The gap that it left may itself have moved.
  std::string hole;
  findLayer(spec, "/layers", [&](const std::string& at, json& fields) {
    if (fields.is_null()) hole = at;
    return fields.is_null();
  });
  const SpecGap holeGap = gapBefore(hole);
  spec.at(Pointer(holeGap.list)).erase(static_cast<std::size_t>(holeGap.index));
  dropEmptyShortcut(spec, holeGap.list);
  findLayer(spec, "/layers", [&](const std::string& at, json& fields) {
    if (!fields.contains(mark)) return false;
    fields.erase(mark);
    moved = at;
    return true;
  });
  return spec;
}

json duplicateLayer(json spec, const std::string& layer) {
  json copy = spec.at(Pointer(layer));
  forgetNames(copy);
  const SpecGap gap = gapBefore(layer);
  return insertLayer(std::move(spec), {gap.list, gap.index + 1}, std::move(copy));
}

json setField(json spec, const std::string& layer, const std::string& field, json value) {
  json& fields = spec.at(Pointer(layer));
  if (value.is_null())
    fields.erase(field);
  else
    fields[field] = std::move(value);
  return spec;
}

json renameLayer(json spec, const std::string& layer, const std::string& before,
                 const std::string& after) {
  spec = setField(std::move(spec), layer, "name", after.empty() ? json() : json(after));
  if (before.empty() || after.empty()) return spec;
  renameFrozen(spec, before, after);
  findLayer(spec, "/layers", [&](const std::string&, json& fields) {
    if (fields.is_object() && fields.value("type", "") == "reuse" &&
        fields.value("layer", "") == before)
      fields["layer"] = after;
    return false;
  });
  return spec;
}

json freezeLayer(json spec, const std::string& layer, const std::string& name, bool frozen) {
  renameFrozen(spec, name, {});
  if (!frozen) return spec;
  // Named from now on: an automatic name would change when a layer comes before it.
  spec.at(Pointer(layer))["name"] = name;
  spec["frozen"].push_back(name);
  return spec;
}

Frozen frozenState(const json& spec, const std::string& name) {
  if (name.empty() || !spec.contains("frozen") || !spec.at("frozen").is_array()) return Frozen::No;
  bool part = false;
  for (const json& entry : spec.at("frozen")) {
    if (!entry.is_string()) continue;
    if (entry.get<std::string>() == name) return Frozen::Yes;
    part = part || entry.get<std::string>().rfind(name + ".", 0) == 0;
  }
  return part ? Frozen::Partly : Frozen::No;
}

json sampleLayer(const std::string& type, const Shape& input, Index outputs,
                 const std::string& earlierLayer) {
  json layer{{"type", type}};
  const Index channels = input.rank() > 0 ? input[0] : 1;
  if (type == "linear") layer["out"] = outputs;
  if (type == "conv2d") {
    layer["out_channels"] = 16;
    layer["kernel"] = 3;
    layer["padding"] = 1;
  }
  if (type == "groupnorm") layer["groups"] = channels % 4 == 0 ? channels / 4 : 1;
  if (type == "adaptive_avgpool2d") layer["output"] = 1;
  if (type == "reuse") layer["layer"] = earlierLayer;
  if (type == "residual") {
    json inner = json::array();
    if (input.rank() == 3)
      inner.push_back(
          {{"type", "conv2d"}, {"out_channels", channels}, {"kernel", 3}, {"padding", 1}});
    else
      inner.push_back(
          {{"type", "linear"}, {"out", input.rank() > 0 ? input[input.rank() - 1] : 1}});
    inner.push_back({{"type", "relu"}});
    layer["layers"] = inner;
  }
  return layer;
}

}  // namespace clipscope
