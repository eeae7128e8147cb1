// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/batch_probe.h"

#include <omp.h>

#include <cassert>
#include <cmath>

#include "engine/noise/gaussian_noise.h"
#include "engine/noise/secure_noise.h"

namespace clipscope {

void runExamples(const Model& model, const PreparedParameters& prepared, const Dataset& data,
                 std::span<const Index> examples, const DrawKey& key, BlockCache& cache) {
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
                       DrawKey key, std::shared_ptr<const SecureKey> secret)
    : m_model(std::move(model)),
      m_parameters(std::move(parameters)),
      m_data(std::move(data)),
      m_examples(std::move(examples)),
      m_key(key),
      m_secret(std::move(secret)) {}

void BatchProbe::fillNoise(Index tensor, std::span<float> out) const {
  DrawKey key = m_key;
  key.purpose = DrawPurpose::Noise;
  key.block = static_cast<std::uint32_t>(tensor);
  if (m_secret)
    fillSecureNormals(*m_secret, key.block, 0, out);
  else
    fillNormals(key, 0, out);
}

BatchProbe::Block BatchProbe::passThrough(Index row) const {
  const auto batch = static_cast<Index>(m_examples.size());
  assert(row >= 0 && row < batch);
  const BlockPlan& plan = m_model->plan();
  Index number = 0;
  while (plan.range(batch, number).second <= row) ++number;
  const auto [first, last] = plan.range(batch, number);
  Block block{m_model->makeCache(plan.rowsFor(batch)), row - first};
  PreparedParameters prepared;
  m_model->prepare(*m_parameters, prepared);
  DrawKey key = m_key;
  key.block = static_cast<std::uint32_t>(number);
  // Alone where training carries a block on one thread: a product that is shared out adds up in
  // another order.
  const int threads = omp_get_max_threads();
  if (plan.threadPerBlock) omp_set_num_threads(1);
  runExamples(*m_model, prepared, *m_data,
              std::span(m_examples)
                  .subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)),
              key, block.cache);
  omp_set_num_threads(threads);
  return block;
}

BatchProbe::Look BatchProbe::look(Index row) const {
  const Block block = passThrough(row);
  const float* output = block.cache.output().row(block.row);
  Look look{GradientSet(m_model->sharedTable()), {output, output + block.cache.output().cols}};
  m_model->addPerSample(block.cache, block.row, look.gradient);
  return look;
}

GradientSet BatchProbe::gradient(Index row) const { return look(row).gradient; }

std::vector<double> BatchProbe::formedNorms(Index row) const {
  const Block block = passThrough(row);
  GradientSet scratch(m_model->sharedTable());
  std::vector<double> norms(static_cast<std::size_t>(m_model->table().trainableCount()));
  m_model->formedSquaredNorms(block.cache, block.row, scratch, norms);
  for (double& norm : norms) norm = std::sqrt(norm);
  return norms;
}

std::vector<float> BatchProbe::output(Index row) const {
  const Block block = passThrough(row);
  const float* output = block.cache.output().row(block.row);
  return {output, output + block.cache.output().cols};
}

}  // namespace clipscope
