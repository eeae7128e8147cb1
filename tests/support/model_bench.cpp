// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/model_bench.h"

#include <cmath>
#include <random>

namespace clipscope::test {

namespace {

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

}  // namespace

ModelBench::ModelBench(const nlohmann::json& spec, const Shape& input, Index rows,
                       Index physicalLimit, std::uint64_t seed)
    : m_model(Model::fromSpec(spec, input, physicalLimit)),
      m_reference(spec, input),
      m_parameters(m_model->sharedTable()),
      m_rows(rows) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  // The reference reads the same floats, widened. Scales of a normalisation stay away from 0.
  const ParameterTable& table = m_model->table();
  for (ParameterId id = 0; id < table.count(); ++id) {
    const Index fanIn = table[id].shape.rank() > 1 ? table[id].size() / table[id].shape[0] : 4;
    const double width = 1.0 / std::sqrt(static_cast<double>(fanIn));
    const bool scale = table[id].initialisation.kind == Initialisation::Kind::Ones;
    for (float& value : m_parameters[id])
      value =
          static_cast<float>((scale ? 1.0 : 0.0) + (scale ? 0.3 : 1.5 * width) * normal(random));
    const auto values = m_parameters[id];
    m_tensors[table[id].name] = std::vector<double>(values.begin(), values.end());
  }
  for (Index k = 0; k < rows * input.size(); ++k)
    m_inputs.push_back(static_cast<double>(static_cast<float>(normal(random))));
  const Index outputs = m_model->outputShape().size();
  const bool shares = m_model->loss().name() == "bce_with_logits";
  for (Index i = 0; i < rows; ++i) {
    m_labels.push_back(static_cast<int>(random() % static_cast<std::uint64_t>(outputs)));
    for (Index k = 0; k < outputs; ++k) {
      const double draw = normal(random);
      m_targets.push_back(static_cast<float>(shares ? 0.5 * std::erfc(draw) : draw));
    }
  }
}

void ModelBench::run(std::span<const float> factors, Index strategies) {
  m_losses.assign(at(m_rows), 0);
  m_squares.assign(at(m_rows * tensors()), -1);
  m_formed.assign(at(m_rows * tensors()), -1);
  m_gradients.assign(at(m_rows), GradientSet(m_model->sharedTable()));
  PreparedParameters prepared;
  m_model->prepare(m_parameters, prepared);
  BlockCache cache = m_model->makeCache();
  SumSet sums = m_model->makeSums(strategies);
  sums.clear();
  GradientSet scratch(m_model->sharedTable());
  const Index outputs = m_model->outputShape().size();
  const BlockPlan& plan = m_model->plan();
  for (Index block = 0; block < plan.count(m_rows); ++block) {
    const auto [first, last] = plan.range(m_rows, block);
    cache.rows = last - first;
    for (Index i = first; i < last; ++i) {
      // PyTorch's channels first to the engine's channels last.
      const Shape& shape = m_model->inputShape();
      const Index channels = shape.rank() == 3 ? shape[0] : 1, area = shape.size() / channels;
      float* row = cache.input.data + (i - first) * shape.size();
      for (Index c = 0; c < channels; ++c)
        for (Index p = 0; p < area; ++p)
          row[p * channels + c] = static_cast<float>(m_inputs[at(i * shape.size() + c * area + p)]);
    }
    m_model->forward(prepared, cache, {});
    Targets targets;
    if (m_model->loss().needsClasses())
      targets.labels = m_labels.data() + first;
    else
      targets.values = m_targets.data() + first * outputs;
    m_model->evaluateLoss(cache, targets, m_losses.data() + first, nullptr);
    m_model->backward(prepared, cache);
    m_model->squaredNorms(cache, {m_squares.data() + first * tensors(), last - first, tensors()});
    m_model->addWeighted(
        cache,
        {factors.data() + first * strategies * tensors(), last - first, strategies, tensors()},
        sums);
    for (Index i = first; i < last; ++i) {
      m_gradients[at(i)].clear();
      m_model->addPerSample(cache, i - first, m_gradients[at(i)]);
      m_model->formedSquaredNorms(cache, i - first, scratch,
                                  std::span(m_formed).subspan(at(i * tensors()), at(tensors())));
    }
  }
  m_sums.assign(at(strategies), std::vector<float>(at(m_model->table().trainableExtent())));
  sums.settle();
  for (Index s = 0; s < strategies; ++s) m_model->unpack(sums, s, m_sums[at(s)]);
}

std::span<const float> ModelBench::sum(Index strategy, Index tensor) const {
  const ParameterInfo& info = m_model->table().trainableInfo(tensor);
  return std::span(m_sums[at(strategy)]).subspan(at(info.offset), at(info.size()));
}

std::vector<double> ModelBench::example(Index row) const {
  const auto size = at(m_model->inputShape().size());
  const auto first = m_inputs.begin() + static_cast<std::ptrdiff_t>(at(row) * size);
  return {first, first + static_cast<std::ptrdiff_t>(size)};
}

std::vector<double> ModelBench::target(Index row) const {
  const auto size = m_model->outputShape().size();
  const auto first = m_targets.begin() + row * size;
  return {first, first + size};
}

double ModelBench::referenceLoss(Index row) const {
  return m_reference.loss(m_tensors, example(row), m_labels[at(row)], target(row));
}

std::vector<double> ModelBench::referenceGradient(Index row, const std::string& tensor) const {
  return m_reference.gradient(m_tensors, tensor, example(row), m_labels[at(row)], target(row));
}

}  // namespace clipscope::test
