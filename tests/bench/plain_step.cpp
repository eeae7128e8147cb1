// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/plain_step.h"

#include <omp.h>

#include <algorithm>
#include <numeric>

#include "engine/error.h"
#include "engine/model/model_builder.h"
#include "engine/tensor/parallel.h"
#include "engine/tensor/vector_kernels.h"
#include "tests/bench/batch_weight_gradient.h"
#include "tests/bench/complete_spec.h"

namespace clipscope {

struct PlainStep::Worker {
  BlockCache cache;
  SumSet sums;
  std::map<std::size_t, BatchWeightGradient::Sum> convolutions;
  std::vector<float> ones;
  std::vector<double> squares;
  std::vector<int> labels;
};

PlainStep::PlainStep(const BenchNetwork& network, LoadedData data)
    : m_data(std::move(data)),
      m_model(Model::fromSpec(network.spec, network.input)),
      m_parameters(m_model->sharedTable()),
      m_losses(m_data.train.size()),
      m_predictions(m_data.train.size()),
      m_gradient(static_cast<std::size_t>(m_model->table().trainableExtent())),
      m_optimizer(makeOptimizer(benchExperiment(network, false).optimizer)) {
  m_parameters.initialise(1);
  ModelBuilder builder(m_model->spec(), network.input);
  builder.build();
  m_layers = std::move(builder.parts().layers);
  const nlohmann::json fields = completeLayers(network);
  if (fields.size() != m_layers.size())
    throw SpecError("the plain step knows chains of layers only");
  const Index rows = m_model->plan().rows;
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    m_layers[l]->compile(rows);
    if (m_layers[l]->kind() == "conv2d")
      m_convolutions[l] = std::make_unique<BatchWeightGradient>(
          fields[l], m_layers[l]->inputShape(), m_layers[l]->outputShape(), rows);
  }
  const int workers = m_model->plan().threadPerBlock ? omp_get_num_procs() : 1;
  m_workers.resize(static_cast<std::size_t>(workers));
  const auto tensors = static_cast<std::size_t>(m_model->table().trainableCount());
  for (Worker& worker : m_workers) {
    worker.cache =
        m_model->makeCache(m_model->plan().rowsFor(static_cast<Index>(m_data.train.size())));
    worker.sums = m_model->makeSums(1);
    for (const auto& [layer, convolution] : m_convolutions)
      worker.convolutions[layer] = convolution->makeSum();
    worker.ones.assign(static_cast<std::size_t>(rows) * tensors, 1.0f);
    worker.squares.resize(static_cast<std::size_t>(rows) * tensors);
    worker.labels.resize(static_cast<std::size_t>(rows));
  }
}

PlainStep::~PlainStep() = default;

void PlainStep::runBlock(Worker& worker, Index block) {
  const Model& model = *m_model;
  const auto [begin, end] = model.plan().range(static_cast<Index>(m_data.train.size()), block);
  const auto examples =
      std::span(m_data.train)
          .subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
  BlockCache& cache = worker.cache;
  cache.rows = end - begin;
  const Index cols = cache.input.cols;
  parallelRanges(cache.rows, cache.rows * cols, [&](Index first, Index last) {
    m_data.data->gather(
        examples.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)),
        cache.input.data + first * cols);
  });
  model.forward(m_prepared, cache, {});
  for (std::size_t i = 0; i < examples.size(); ++i)
    worker.labels[i] = m_data.data->label(examples[i]);
  Targets targets;
  targets.labels = worker.labels.data();
  model.evaluateLoss(cache, targets, m_losses.data() + begin, m_predictions.data() + begin);
  model.backward(m_prepared, cache);

  const Index tensors = model.table().trainableCount();
  const FactorMatrix ones{worker.ones.data(), cache.rows, 1, tensors};
  for (std::size_t l = 0; l < m_layers.size(); ++l) {
    if (const auto found = m_convolutions.find(l); found != m_convolutions.end()) {
      found->second->add(cache.layers[l].x, cache.layers[l].dy, worker.convolutions[l]);
      continue;
    }
    if (m_layers[l]->kind() != "linear")
      m_layers[l]->squaredNorms(cache.layers[l], {worker.squares.data(), cache.rows, tensors});
    m_layers[l]->addWeighted(cache.layers[l], ones, worker.sums);
  }
}

void PlainStep::step() {
  m_model->prepare(m_parameters, m_prepared);
  for (Worker& worker : m_workers) {
    worker.sums.clear();
    for (auto& [layer, sum] : worker.convolutions) m_convolutions.at(layer)->clear(sum);
  }
  const Index blocks = m_model->plan().count(static_cast<Index>(m_data.train.size()));
  const auto workers = static_cast<int>(m_workers.size());
  if (workers == 1) {
    for (Index block = 0; block < blocks; ++block) runBlock(m_workers.front(), block);
  } else {
#pragma omp parallel num_threads(workers)
    {
      const int thread = omp_get_thread_num();
      const auto [from, to] = ownedRange(blocks, thread, workers);
      for (Index block = from; block < to; ++block)
        runBlock(m_workers[static_cast<std::size_t>(thread)], block);
    }
  }
  update();
}

void PlainStep::update() {
  Worker& first = m_workers.front();
  for (std::size_t w = 1; w < m_workers.size(); ++w) {
    first.sums.add(m_workers[w].sums);
    for (auto& [layer, sum] : first.convolutions) {
      const BatchWeightGradient::Sum& other = m_workers[w].convolutions.at(layer);
      addScaled(1.0f, other.weight.data(), sum.weight.data(),
                static_cast<Index>(sum.weight.size()));
      addScaled(1.0f, other.bias.data(), sum.bias.data(), static_cast<Index>(sum.bias.size()));
    }
  }
  m_model->unpack(first.sums, 0, m_gradient);
  const ParameterTable& table = m_model->table();
  for (const auto& [layer, sum] : first.convolutions) {
    const auto ids = m_layers[layer]->parameters();
    float* bias = ids.size() > 1 ? m_gradient.data() + table[ids[1]].offset : nullptr;
    m_convolutions.at(layer)->unpack(sum, m_gradient.data() + table[ids[0]].offset, bias);
  }
  const auto extent = static_cast<Index>(m_gradient.size());
  const float inverse = 1.0f / static_cast<float>(m_data.train.size());
  m_optimizer->beginStep(m_gradient.size());
  parallelRanges(extent, extent, [&](Index from, Index to) {
    scaled(inverse, m_gradient.data() + from, m_gradient.data() + from, to - from);
    const auto first = static_cast<std::size_t>(from), count = static_cast<std::size_t>(to - from);
    m_optimizer->stepRange(m_parameters.trainable().subspan(first, count),
                           std::span<const float>(m_gradient).subspan(first, count), from);
  });
}

double PlainStep::meanLoss() const {
  return std::accumulate(m_losses.begin(), m_losses.end(), 0.0) /
         static_cast<double>(m_losses.size());
}

}  // namespace clipscope
