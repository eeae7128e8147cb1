// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/batch_probe.h"

#include <cassert>
#include <cmath>

namespace clipscope {

void runExamples(const Model& model, const PreparedParameters& prepared, const Dataset& data,
                 std::span<const Index> examples, const DrawKey& key, BlockCache& cache) {
  assert(static_cast<Index>(examples.size()) <= cache.maxRows);
  cache.rows = static_cast<Index>(examples.size());
  data.gather(examples, cache.input.data);
  model.forward(prepared, cache, key);
  std::vector<int> labels;
  std::vector<float> values;
  for (const Index example : examples) {
    if (data.isClassification()) {
      labels.push_back(data.label(example));
    } else {
      const auto row = data.targets(example);
      values.insert(values.end(), row.begin(), row.end());
    }
  }
  model.evaluateLoss(cache, {labels.data(), values.data()}, nullptr, nullptr);
  model.backward(prepared, cache);
}

BatchProbe::BatchProbe(std::shared_ptr<const Model> model,
                       std::shared_ptr<const Parameters> parameters,
                       std::shared_ptr<const Dataset> data, std::vector<Index> examples,
                       DrawKey key)
    : m_model(std::move(model)),
      m_parameters(std::move(parameters)),
      m_data(std::move(data)),
      m_examples(std::move(examples)),
      m_key(key) {}

BlockCache BatchProbe::passThrough(Index row) const {
  assert(row >= 0 && row < static_cast<Index>(m_examples.size()));
  BlockCache cache = m_model->makeCache(1);
  PreparedParameters prepared;
  m_model->prepare(*m_parameters, prepared);
  const Index example = m_examples[static_cast<std::size_t>(row)];
  runExamples(*m_model, prepared, *m_data, {&example, 1}, m_key, cache);
  return cache;
}

GradientSet BatchProbe::gradient(Index row) const {
  const BlockCache cache = passThrough(row);
  GradientSet gradient(m_model->sharedTable());
  m_model->addPerSample(cache, 0, gradient);
  return gradient;
}

std::vector<double> BatchProbe::formedNorms(Index row) const {
  const BlockCache cache = passThrough(row);
  GradientSet scratch(m_model->sharedTable());
  std::vector<double> norms(static_cast<std::size_t>(m_model->table().trainableCount()));
  m_model->formedSquaredNorms(cache, 0, scratch, norms);
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

std::vector<float> BatchProbe::output(Index row) const {
  const BlockCache cache = passThrough(row);
  const ConstView output = cache.output();
  return {output.data, output.data + output.cols};
}

}  // namespace clipscope
