// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/complete_spec.h"

#include "engine/model/layers/registry.h"
#include "engine/model/model_builder.h"

namespace clipscope {

using nlohmann::json;

namespace {

/// What a field is where it is left out.
json fallback(const LayerField& field, const json& layer, const Shape& input) {
  if (field.name == "in") return input[input.rank() - 1];
  if (field.name == "in_channels" || field.name == "channels") return input[0];
  if (field.name == "stride" && field.fallback.is_null()) return layer.at("kernel");
  if (field.name == "shape") return input.extents();
  return field.fallback;
}

/// The builder makes layers in the order in which the spec nests them; a block's sum comes last.
json completed(const json& layers, const ModelParts& parts, std::size_t& next) {
  json list = json::array();
  for (json layer : layers) {
    const LayerKind& kind = layerKind(layer.at("type"));
    if (kind.type == "residual") {
      layer["layers"] = completed(layer.at("layers"), parts, next);
      layer["shortcut"] = completed(layer.value("shortcut", json::array()), parts, next);
      ++next;
    } else {
      const Shape& input = parts.layers.at(next++)->inputShape();
      for (const LayerField& field : kind.fields) {
        if (!layer.contains(field.name)) layer[field.name] = fallback(field, layer, input);
        json& value = layer[field.name];
        if (field.type == LayerField::Type::Pair && value.is_number()) value = {value, value};
      }
    }
    list.push_back(std::move(layer));
  }
  return list;
}

}  // namespace

json completeLayers(const BenchNetwork& network) {
  ModelBuilder builder(network.spec, network.input);
  builder.build();
  std::size_t next = 0;
  return completed(network.spec.at("layers"), builder.parts(), next);
}

}  // namespace clipscope
