// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/json_text.h"
#include "engine/model/model.h"
#include "engine/model/spec_report.h"
#include "tests/fuzz/model_passes.h"
#include "tests/fuzz/properties.h"

using namespace clipscope;
using namespace clipscope::fuzz;
using nlohmann::json;

/// An input is a model's JSON: built for small inputs of each rank, and where the model is small
/// too, run over a few examples.

namespace {

/// The ceilings of the builder.
constexpr Index mostParameters = Index{1} << 30, mostValues = Index{1} << 28;

/// A line is a layer of the spec, or one inside a block that a "reuse" of the spec runs again.
bool standsInSpec(const json& spec, json::json_pointer place) {
  if (spec.contains(place)) return true;
  while (!spec.contains(place)) place = place.parent_pointer();
  const json& again = spec.at(place);
  return again.is_object() && again.at("type") == "reuse";
}

void checkModel(const Model& model, const json& spec, const Shape& input) {
  const ParameterTable& table = model.table();
  expect(table.trainableCount() >= 1, "something is trainable");
  expect(table.extent() <= mostParameters, "no more parameters than are allowed");
  Index parameters = 0;
  for (ParameterId id = 0; id < table.count(); ++id) parameters += table[id].size();
  Index described = 0;
  for (const LayerDescription& line : model.description()) {
    expect(line.output.size() >= 1 && line.output.size() <= mostValues, "no layer gives too much");
    expect(line.parameters >= 0, "a count of parameters");
    if (line.depth == 0) described += line.parameters;
    expect(standsInSpec(spec, json::json_pointer(line.path)), "a line stands somewhere");
  }
  expect(described == parameters, "the lines' parameters are the model's");
  expect(model.layerNames().size() == model.description().size(), "each layer has a name");
  expect(model.bytesPerExample() > 0 && model.plan().rows >= 1, "a plan");
  expect(model.spec() == spec, "a model keeps its spec");

  const SpecReport report = reportSpec(spec, input, {false, model.outputShape().size()});
  expect(report.parameters == parameters && report.trainable == table.dimension(),
         "a report counts what the model has");
  expect(report.layers.size() == model.description().size(), "a report lists what the model has");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  json spec;
  if (!accepts<FileError>([&] { spec = parseJson(text, "model"); })) return 0;
  for (const Shape& input : {Shape{7}, Shape{3, 5}, Shape{3, 8, 7}}) {
    std::shared_ptr<const Model> model;
    const bool built =
        accepts<SpecError, UnsupportedError>([&] { model = Model::fromSpec(spec, input); });
    const SpecReport report = reportSpec(spec, input, {});
    if (!built) {
      expect(!report.sound(), "a report finds what keeps a model from being built");
      continue;
    }
    checkModel(*model, spec, input);
    checkPasses(*model);
  }
  return 0;
}
