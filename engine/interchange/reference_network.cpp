// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/reference_network.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/training/batch_probe.h"

namespace clipscope {

using nlohmann::json;

namespace {

/// The inputs as a data set of rows. Images are stored by Dataset as rows of an image shape: the
/// values are floats here, so they go in channels last, as a batch holds them.
struct ReferenceData {
  static Dataset::Content content(const ReferenceFile& file, bool classification, Index outputs) {
    const ReferenceTensor inputs = file.tensor("inputs");
    const ReferenceTensor labels = file.tensor("labels");
    if (inputs.rows() < 1 || inputs.rows() != labels.rows())
      file.fail("\"inputs\" and \"labels\" do not have the same number of rows");
    Dataset::Content content;
    content.name = content.source = file.name();
    const auto& extents = inputs.shape.extents();
    content.shape = Shape(std::vector<Index>(extents.begin() + 1, extents.end()));
    content.rows.assign(inputs.data.begin(), inputs.data.end());
    content.outputs = outputs;
    if (classification) {
      for (const double label : labels.data) {
        if (label < 0 || label >= static_cast<double>(outputs) || label != std::floor(label))
          file.fail("\"labels\" holds something that is not a class of the model");
        content.labels.push_back(static_cast<int>(label));
      }
    } else {
      if (labels.width() != outputs) file.fail("\"labels\" has another width than the output");
      content.targets.assign(labels.data.begin(), labels.data.end());
    }
    return content;
  }
};

Shape inputShape(const ReferenceFile& file) {
  const ReferenceTensor inputs = file.tensor("inputs");
  const auto& extents = inputs.shape.extents();
  if (extents.size() < 2) file.fail("\"inputs\" needs a batch axis and at least one more");
  return Shape(std::vector<Index>(extents.begin() + 1, extents.end()));
}

}  // namespace

json specOfReference(const ReferenceFile& file) {
  const json& layers = file.field("layers");
  if (!layers.is_array()) file.fail("\"layers\" is not a list");
  const ReferenceTensors params = file.tensors("params");
  json list = json::array();
  for (json layer : layers) {
    // Whether an instance norm has scale and shift is told by the parameters that it has.
    if (layer.is_object() && layer.value("type", "") == std::string("instancenorm2d") &&
        !layer.contains("affine"))
      layer["affine"] = params.count(layer.value("name", "") + ".weight") != 0;
    list.push_back(layer);
  }
  json spec{{"layers", list}, {"loss", file.field("loss")}};
  if (file.has("frozen")) spec["frozen"] = file.field("frozen");
  return spec;
}

ReferenceNetwork::ReferenceNetwork(const ReferenceFile& file) {
  try {
    m_model = Model::fromSpec(specOfReference(file), inputShape(file));
  } catch (const SpecError& error) {
    throw FileError(file.name() + ": " + error.what());
  }
  m_data = std::make_shared<Dataset>(
      ReferenceData::content(file, m_model->loss().needsClasses(), m_model->outputShape().size()));
  m_parameters = Parameters(m_model->sharedTable());
  setParameters(file.tensors("params"), file);
  m_runner = std::make_unique<BatchRunner>(m_model, 0);
}

void ReferenceNetwork::setParameters(const ReferenceTensors& values, const ReferenceFile& file) {
  for (ParameterId id = 0; id < static_cast<ParameterId>(m_model->table().count()); ++id) {
    const ParameterInfo& info = m_model->table()[id];
    const auto found = values.find(info.name);
    if (found == values.end()) file.fail("\"params\" has no tensor \"" + info.name + "\"");
    if (found->second.shape != info.shape)
      file.fail("\"" + info.name + "\" has shape " + found->second.shape.toString() +
                " where the layer has " + info.shape.toString());
    std::ranges::transform(found->second.data, m_parameters[id].begin(),
                           [](double v) { return static_cast<float>(v); });
  }
}

ReferenceNetwork::Result ReferenceNetwork::run(std::span<const Index> rows, const FactorRule& rule,
                                               Index strategies) const {
  Result result;
  const Index tensors = m_model->table().trainableCount();
  result.losses.resize(rows.size());
  result.norms.resize(static_cast<Index>(rows.size()), tensors);
  std::vector<double> squares(rows.size() * static_cast<std::size_t>(tensors));
  PreparedParameters prepared;
  m_model->prepare(m_parameters, prepared);
  BatchTask task;
  task.parameters = &prepared;
  task.data = m_data.get();
  task.examples = rows;
  task.losses = result.losses;
  task.squaredNorms = squares;
  task.norms = result.norms.values();
  task.strategies = strategies;
  task.factorRule = rule;
  m_runner->begin(static_cast<Index>(rows.size()), false);
  m_runner->run(Pass::Forward, Pass::Sums, task, {});
  for (Index s = 0; s < strategies; ++s) {
    const auto sum = m_runner->sum(s);
    result.sums.emplace_back(sum.begin(), sum.end());
  }
  return result;
}

std::vector<float> ReferenceNetwork::output(Index row) const {
  BlockCache cache = m_model->makeCache(1);
  PreparedParameters prepared;
  m_model->prepare(m_parameters, prepared);
  runExamples(*m_model, prepared, *m_data, {&row, 1}, {}, cache);
  const ConstView output = cache.output();
  return {output.data, output.data + output.cols};
}

GradientSet ReferenceNetwork::gradient(Index row) const {
  BlockCache cache = m_model->makeCache(1);
  PreparedParameters prepared;
  m_model->prepare(m_parameters, prepared);
  runExamples(*m_model, prepared, *m_data, {&row, 1}, {}, cache);
  GradientSet gradient(m_model->sharedTable());
  m_model->addPerSample(cache, 0, gradient);
  return gradient;
}

std::span<const float> ReferenceNetwork::tensor(const std::string& name,
                                                std::span<const float> flat) const {
  const ParameterInfo& info = m_model->table()[m_model->table().find(name)];
  return flat.subspan(static_cast<std::size_t>(info.offset), static_cast<std::size_t>(info.size()));
}

}  // namespace clipscope
