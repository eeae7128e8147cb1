// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <map>
#include <set>

#include "engine/error.h"
#include "engine/model/layers/registry.h"
#include "engine/model/model.h"

namespace clipscope {

using nlohmann::json;

namespace {

/// A model larger than this is refused before anything is allocated for it.
constexpr Index mostParameters = Index{1} << 30;
constexpr Index mostValues = Index{1} << 28;

std::string place(std::size_t position, const std::string& name, const std::string& type) {
  return "model, layer " + std::to_string(position + 1) + " \"" + name + "\" (" + type + "): ";
}

/// The names of a spec's "frozen" list, which may name tensors ("fc1.bias") or layers ("fc1").
class FrozenNames {
 public:
  explicit FrozenNames(const json& spec) {
    if (!spec.contains("frozen")) return;
    const json& list = spec.at("frozen");
    if (!list.is_array()) throw SpecError("model.frozen: must be a list of parameter names");
    for (const json& name : list) {
      if (!name.is_string()) throw SpecError("model.frozen: must be a list of parameter names");
      m_names.insert(name.get<std::string>());
    }
  }

  bool contains(const std::string& tensor) {
    for (const std::string& name : {tensor, tensor.substr(0, tensor.rfind('.'))}) {
      if (m_names.count(name) == 0) continue;
      m_met.insert(name);
      return true;
    }
    return false;
  }

  /// Throws for a name that no tensor answered to.
  void check() const {
    for (const std::string& name : m_names)
      if (m_met.count(name) == 0)
        throw SpecError("model.frozen: there is no parameter \"" + name + "\" in this model");
  }

 private:
  std::set<std::string> m_names;
  std::set<std::string> m_met;
};

void checkFields(const json& fields, const LayerKind& kind) {
  for (const auto& [key, value] : fields.items()) {
    if (key == "type" || key == "name") continue;
    if (std::find(kind.fields.begin(), kind.fields.end(), key) != kind.fields.end()) continue;
    std::string choices;
    for (const std::string& field : kind.fields) choices += (choices.empty() ? "" : ", ") + field;
    throw SpecError("has no field \"" + key + "\"" +
                    (choices.empty() ? "" : "; its fields are " + choices));
  }
}

/// Gives unnamed layers the names a person would: conv1, conv2, fc1, counting by prefix.
class LayerNames {
 public:
  explicit LayerNames(const json& layers) {
    for (const json& fields : layers)
      if (fields.is_object() && fields.contains("name") && fields.at("name").is_string())
        m_given.insert(fields.at("name").get<std::string>());
  }

  std::string next(const std::string& prefix) {
    std::string name;
    do name = prefix + std::to_string(++m_counts[prefix]);
    while (m_given.count(name) != 0);
    return name;
  }

 private:
  std::set<std::string> m_given;
  std::map<std::string, int> m_counts;
};

std::string givenName(const json& fields, std::size_t position) {
  if (!fields.contains("name")) return {};
  const json& name = fields.at("name");
  if (!name.is_string() || name.get<std::string>().empty() ||
      name.get<std::string>().find('.') != std::string::npos)
    throw SpecError("model, layer " + std::to_string(position + 1) +
                    ": \"name\" must be a text without dots");
  return name.get<std::string>();
}

/// Calls `build` so that what a layer says of itself gets its place in front.
template <class Build>
auto atPlace(const std::string& where, Build&& build) {
  try {
    return build();
  } catch (const UnsupportedError& error) {
    throw UnsupportedError(where + error.what());
  } catch (const SpecError& error) {
    throw SpecError(where + error.what());
  }
}

}  // namespace

std::shared_ptr<const Model> Model::fromSpec(const json& spec, const Shape& input,
                                             Index physicalLimit) {
  if (!spec.is_object() || !spec.contains("layers") || !spec.at("layers").is_array() ||
      spec.at("layers").empty())
    throw SpecError(
        "model: needs {\"layers\": [{\"type\": \"linear\", …}, …], \"loss\": \"cross_entropy\"} "
        "with at least one layer");
  if (input.rank() < 1 || input.rank() > 3 || input.size() < 1)
    throw SpecError("model: data of shape " + input.toString() + " cannot be an input");
  for (const auto& [key, value] : spec.items())
    if (key != "layers" && key != "loss" && key != "frozen")
      throw SpecError("model: has no field \"" + key + "\"; its fields are layers, loss, frozen");

  struct Built {
    LayerKind kind;
    json fields;
    std::vector<ParameterId> ids;
  };
  std::map<std::string, Built> named;
  FrozenNames frozen(spec);
  const json& layers = spec.at("layers");
  LayerNames names(layers);
  auto model = std::shared_ptr<Model>(new Model);
  model->m_spec = spec;
  model->m_input = input;
  model->m_table = std::make_shared<ParameterTable>();
  Shape shape = input;

  for (std::size_t position = 0; position < layers.size(); ++position) {
    const json& fields = layers[position];
    if (!fields.is_object() || !fields.contains("type") || !fields.at("type").is_string())
      throw SpecError("model, layer " + std::to_string(position + 1) +
                      ": must be an object with a \"type\"");
    const std::string type = fields.at("type").get<std::string>();
    std::string name = givenName(fields, position);
    const bool reuse = type == "reuse";
    const std::vector<ParameterId>* reused = nullptr;
    const json* description = &fields;
    LayerKind kind;
    if (reuse) {
      const std::string target = fields.value("layer", json()).is_string()
                                     ? fields.at("layer").get<std::string>()
                                     : std::string();
      const auto found = named.find(target);
      if (found == named.end())
        throw SpecError(place(position, name.empty() ? target : name, type) +
                        "\"layer\" must name an earlier layer with parameters");
      name = target;
      kind = found->second.kind;
      description = &found->second.fields;
      reused = &found->second.ids;
    } else {
      kind = atPlace(place(position, name, type), [&] { return layerKind(type); });
      if (name.empty()) name = names.next(kind.prefix);
    }

    const std::string where = place(position, name, type);
    LayerBuilder builder(
        *description, shape, name, model->m_table,
        [&](const std::string& tensor) { return frozen.contains(tensor); }, reused);
    auto layer = atPlace(where, [&] {
      if (!reuse) checkFields(fields, kind);
      return kind.build(builder);
    });
    if (layer->outputShape().size() < 1 || layer->outputShape().size() > mostValues)
      throw SpecError(where + "its output " + layer->outputShape().toString() + " is too large");

    LayerDescription line;
    line.name = name;
    line.kind = kind.type;
    line.text = layer->describe();
    line.output = layer->outputShape();
    line.reuse = reuse;
    for (const ParameterId id : layer->parameters())
      line.parameters += reuse ? 0 : (*model->m_table)[id].size();
    if (line.parameters > mostParameters)
      throw SpecError(where + "has " + std::to_string(line.parameters) +
                      " parameters, more than this program takes");
    model->m_description.push_back(std::move(line));
    if (!reuse && !builder.declared().empty()) named[name] = {kind, fields, builder.declared()};
    shape = layer->outputShape();
    model->m_layers.push_back(std::move(layer));
  }

  frozen.check();
  model->m_table->finish();
  if (model->m_table->trainableCount() == 0)
    throw SpecError("model: no parameter is trainable; add a linear layer or shorten \"frozen\"");
  if (model->m_table->extent() > mostParameters)
    throw SpecError("model: has more parameters than this program takes");
  const json loss = spec.value("loss", json("cross_entropy"));
  if (!loss.is_string()) throw SpecError("model.loss: must be cross_entropy or mse");
  model->m_loss = makeLoss(loss.get<std::string>());
  model->planBlocks(physicalLimit);
  return model;
}

}  // namespace clipscope
