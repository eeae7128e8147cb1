// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/model_builder.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/model/layers/residual_sum.h"
#include "engine/model/model.h"

namespace clipscope {

using nlohmann::json;

namespace {

/// A model larger than this is refused before anything is allocated for it.
constexpr Index mostParameters = Index{1} << 30;
constexpr Index mostValues = Index{1} << 28;
/// Blocks inside blocks; deeper ones are a mistake, or an attack on the stack.
constexpr int mostDepth = 16;
/// Lines of a description. A block that runs blocks again doubles and doubles: few words make a
/// model without end.
constexpr std::size_t mostLines = 4096;

std::string where(const std::string& number, const std::string& name, const std::string& type) {
  return "model, layer " + number + " \"" + name + "\" (" + type + "): ";
}

void checkFields(const json& fields, const LayerKind& kind) {
  for (const auto& [key, value] : fields.items()) {
    if (key == "type" || key == "name") continue;
    if (std::any_of(kind.fields.begin(), kind.fields.end(),
                    [name = key](const LayerField& f) { return f.name == name; }))
      continue;
    std::string choices;
    for (const LayerField& field : kind.fields)
      choices += (choices.empty() ? "" : ", ") + field.name;
    throw SpecError("has no field \"" + key + "\"" +
                    (choices.empty() ? "" : "; its fields are " + choices));
  }
}

std::string givenName(const json& fields, const std::string& number) {
  if (!fields.contains("name")) return {};
  const json& name = fields.at("name");
  if (!name.is_string() || name.get<std::string>().empty() ||
      name.get<std::string>().find('.') != std::string::npos)
    throw SpecError("model, layer " + number + ": \"name\" must be a text without dots");
  return name.get<std::string>();
}

/// Calls `build` so that what a layer says of itself gets its place in front.
template <class Build>
auto atPlace(const std::string& place, Build&& build) {
  try {
    return build();
  } catch (const UnsupportedError& error) {
    throw UnsupportedError(place + error.what());
  } catch (const SpecError& error) {
    throw SpecError(place + error.what());
  }
}

}  // namespace

FrozenNames::FrozenNames(const json& spec) {
  if (!spec.contains("frozen")) return;
  const json& list = spec.at("frozen");
  if (!list.is_array()) throw SpecError("model.frozen: must be a list of parameter names");
  for (const json& name : list) {
    if (!name.is_string()) throw SpecError("model.frozen: must be a list of parameter names");
    m_names.insert(name.get<std::string>());
  }
}

bool FrozenNames::contains(const std::string& tensor, const std::vector<std::string>& blocks) {
  std::vector<std::string> names{tensor, tensor.substr(0, tensor.rfind('.'))};
  names.insert(names.end(), blocks.begin(), blocks.end());
  bool frozen = false;
  for (const std::string& name : names) {
    if (m_names.count(name) == 0) continue;
    m_met.insert(name);
    frozen = true;
  }
  return frozen;
}

void FrozenNames::check() const {
  for (const std::string& name : m_names)
    if (m_met.count(name) == 0)
      throw SpecError("model.frozen: there is no parameter \"" + name + "\" in this model");
}

void LayerNames::collect(const json& layers, int depth) {
  if (!layers.is_array() || depth > mostDepth) return;
  for (const json& fields : layers) {
    if (!fields.is_object()) continue;
    if (fields.contains("name") && fields.at("name").is_string())
      m_given.insert(fields.at("name").get<std::string>());
    for (const char* list : {"layers", "shortcut"})
      if (fields.contains(list)) collect(fields.at(list), depth + 1);
  }
}

std::string LayerNames::next(const std::string& prefix) {
  std::string name;
  do name = prefix + std::to_string(++m_counts[prefix]);
  while (m_given.count(name) != 0);
  return name;
}

ModelBuilder::ModelBuilder(const json& spec, const Shape& input)
    : m_spec(spec),
      m_frozen(spec.is_object() ? spec : json::object()),
      m_names(spec.is_object() && spec.contains("layers") ? spec.at("layers") : json()) {
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
  m_parts.spec = spec;
  m_parts.input = input;
  m_parts.table = std::make_shared<ParameterTable>();
}

void ModelBuilder::build() {
  json complete = json::array();
  chain(m_spec.at("layers"), {-1, m_parts.input}, {"", "/layers/", 0, -1, false}, complete);
  checkTotals();
  m_parts.absorb();
}

void ModelBuilder::checkTotals() {
  m_at = "/frozen";
  m_frozen.check();
  ParameterTable& table = *m_parts.table;
  table.finish();
  m_at.clear();
  if (table.trainableCount() == 0)
    throw SpecError("model: no parameter is trainable; add a linear layer or shorten \"frozen\"");
  if (table.extent() > mostParameters)
    throw SpecError("model: has more parameters than this program takes");
  m_at = "/loss";
  const json loss = m_spec.value("loss", json("cross_entropy"));
  if (!loss.is_string()) throw SpecError("model.loss: must be " + lossChoices());
  m_parts.loss = makeLoss(loss.get<std::string>());
  m_at.clear();
}

ModelBuilder::End ModelBuilder::chain(const json& layers, End from, const Place& inside,
                                      json& complete) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Place place = inside;
    place.number += std::to_string(i + 1);
    place.pointer += std::to_string(i);
    m_at = place.pointer;
    json filled;
    from = layer(layers[i], from, place, filled);
    complete.push_back(std::move(filled));
  }
  return from;
}

ModelBuilder::End ModelBuilder::layer(const json& fields, End from, const Place& place,
                                      json& complete) {
  if (!fields.is_object() || !fields.contains("type") || !fields.at("type").is_string())
    throw SpecError("model, layer " + place.number + ": must be an object with a \"type\"");
  const std::string type = fields.at("type").get<std::string>();
  std::string name = givenName(fields, place.number);
  const LayerKind& kind = atPlace(where(place.number, name, type),
                                  [&]() -> const LayerKind& { return layerKind(type); });
  complete = fields;

  if (type == "reuse") {
    const std::string target = fields.value("layer", json()).is_string()
                                   ? fields.at("layer").get<std::string>()
                                   : std::string();
    const auto found = m_named.find(target);
    const std::string here = where(place.number, name.empty() ? target : name, type);
    if (found == m_named.end())
      throw SpecError(here + "\"layer\" must name an earlier layer with parameters");
    atPlace(here, [&] { checkFields(fields, kind); });
    const Named named = found->second;
    const std::string again = named.fields.at("type").get<std::string>();
    if (again == "residual") return residual(named.fields, target, true, from, place, complete);
    return simple(named.fields, layerKind(again), target, &named.ids, from, place);
  }

  if (name.empty()) name = m_names.next(kind.prefix);
  complete["name"] = name;
  atPlace(where(place.number, name, type), [&] { checkFields(fields, kind); });
  if (type == "residual") return residual(fields, name, false, from, place, complete);
  return simple(fields, kind, name, nullptr, from, place);
}

int ModelBuilder::addLine(const std::string& name, const std::string& kind, bool reused,
                          const Place& place) {
  if (m_parts.description.size() == mostLines)
    throw SpecError("model, layer " + place.number + ": is one more than the " +
                    std::to_string(mostLines) + " layers and blocks that this program takes");
  LayerDescription line;
  line.name = name;
  line.kind = kind;
  line.reuse = reused;
  line.depth = place.depth;
  line.parent = place.parent;
  line.shortcut = place.shortcut;
  line.path = place.pointer;
  m_parts.description.push_back(std::move(line));
  return static_cast<int>(m_parts.description.size()) - 1;
}

ModelBuilder::End ModelBuilder::simple(const json& fields, const LayerKind& kind,
                                       const std::string& name,
                                       const std::vector<ParameterId>* reused, End from,
                                       const Place& place) {
  const std::string here = where(place.number, name, reused ? "reuse" : kind.type);
  LayerBuilder builder(
      kind, fields, from.shape, name, m_parts.table,
      [&](const std::string& tensor) { return m_frozen.contains(tensor, m_blocks); }, reused);
  auto made = atPlace(here, [&] { return kind.build(builder); });
  const Shape output = made->outputShape();
  if (output.size() < 1 || output.size() > mostValues)
    throw SpecError(here + "its output " + output.toString() + " is too large");
  if (!reused && !builder.declared().empty() && m_blockNames.count(name) != 0)
    throw SpecError(here + "a residual block has the same name");

  LayerDescription& line =
      m_parts.description[static_cast<std::size_t>(addLine(name, kind.type, reused, place))];
  line.text = made->describe();
  line.output = output;
  for (const ParameterId id : made->parameters())
    line.parameters += reused ? 0 : (*m_parts.table)[id].size();
  if (!reused && !builder.declared().empty()) {
    json complete = fields;
    complete["name"] = name;
    m_named[name] = {std::move(complete), builder.declared()};
  }
  m_parts.layers.push_back(std::move(made));
  m_parts.links.push_back({from.node, -1, false});
  return {static_cast<int>(m_parts.layers.size()) - 1, output};
}

json ModelBuilder::again(const json& layers) const {
  json list = json::array();
  for (const json& fields : layers) {
    const std::string name = fields.value("name", "");
    const bool has = fields.at("type") != "reuse" && m_named.count(name) != 0;
    list.push_back(has ? json{{"type", "reuse"}, {"layer", name}} : fields);
  }
  return list;
}

ModelBuilder::End ModelBuilder::residual(const json& fields, const std::string& name, bool reused,
                                         End from, const Place& place, json& complete) {
  const std::string here = where(place.number, name, "residual");
  if (place.depth >= mostDepth)
    throw SpecError(here + "stands inside " + std::to_string(mostDepth) + " blocks already");
  if (!fields.contains("layers") || !fields.at("layers").is_array() || fields.at("layers").empty())
    throw SpecError(here + "needs \"layers\", a list with at least one layer");
  const json shortcut = fields.value("shortcut", json::array());
  if (!shortcut.is_array()) throw SpecError(here + "\"shortcut\" must be a list of layers");
  if (!reused && (m_named.count(name) != 0 || !m_blockNames.insert(name).second))
    throw SpecError(here + "another layer has the same name");

  const int line = addLine(name, "residual", reused, place);
  const auto lineAt = static_cast<std::size_t>(line);
  m_parts.description[lineAt].text =
      shortcut.empty() ? "Residual block" : "Residual block, projected";
  m_blocks.push_back(name);
  json branchFields = json::array(), sideFields = json::array();
  const End branch = chain(
      reused ? again(fields.at("layers")) : fields.at("layers"), from,
      {place.number + ".", place.pointer + "/layers/", place.depth + 1, line, false}, branchFields);
  const End side = chain(
      reused ? again(shortcut) : shortcut, from,
      {place.number + " shortcut ", place.pointer + "/shortcut/", place.depth + 1, line, true},
      sideFields);
  m_blocks.pop_back();
  m_at = place.pointer;
  if (branch.shape != side.shape)
    throw SpecError(here + "its branch gives " + branch.shape.toString() + " and its shortcut " +
                    side.shape.toString() +
                    ", which cannot be added; give \"shortcut\" layers that turn the input " +
                    from.shape.toString() + " into the branch's shape");

  for (std::size_t child = lineAt + 1; child < m_parts.description.size(); ++child)
    if (m_parts.description[child].parent == line)
      m_parts.description[lineAt].parameters += m_parts.description[child].parameters;
  m_parts.description[lineAt].output = branch.shape;
  if (!reused) {
    complete["layers"] = branchFields;
    if (!shortcut.empty()) complete["shortcut"] = sideFields;
    m_named[name] = {complete, {}};
  }
  m_parts.layers.push_back(std::make_unique<ResidualSum>(branch.shape));
  m_parts.links.push_back({branch.node, side.node, true});
  return {static_cast<int>(m_parts.layers.size()) - 1, branch.shape};
}

std::shared_ptr<const Model> Model::fromSpec(const json& spec, const Shape& input,
                                             Index physicalLimit) {
  ModelBuilder builder(spec, input);
  builder.build();
  auto model = std::shared_ptr<Model>(new Model(std::move(builder.parts())));
  model->planBlocks(physicalLimit);
  return model;
}

}  // namespace clipscope
