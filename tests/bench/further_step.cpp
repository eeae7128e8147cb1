// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/further_step.h"

#include "engine/clipping/clip_factors.h"

namespace clipscope {

FurtherStep::FurtherStep(const BenchNetwork& network, LoadedData data, Index strategies)
    : m_data(std::move(data)),
      m_model(Model::fromSpec(network.spec, network.input)),
      m_parameters(m_model->sharedTable()),
      m_losses(m_data.train.size()),
      m_predictions(m_data.train.size()) {
  m_parameters.initialise(1);
  m_runner.emplace(m_model, 0);
  const auto names = m_model->table().trainableNames();
  const ClippingSettings defaults;
  for (Index s = 0; s < strategies; ++s) {
    m_groupings.push_back(
        makeGrouping(s == 0 ? GroupingKind::Flat : GroupingKind::PerLayer, names, {}));
    m_thresholds.emplace_back(static_cast<std::size_t>(m_groupings.back().count()), 1.0);
    m_strategies.push_back(
        makeStrategy(s == 0 ? "threshold" : "auto_s", defaults.strategySettings));
  }
  m_squares.resize(m_data.train.size() * names.size());
  m_norms.resize(m_squares.size());
}

void FurtherStep::step() {
  m_model->prepare(m_parameters, m_prepared);
  const auto tensors = static_cast<std::size_t>(m_model->table().trainableCount());
  BatchTask task;
  task.parameters = &m_prepared;
  task.data = m_data.data.get();
  task.examples = m_data.train;
  task.losses = m_losses;
  task.predictions = m_predictions;
  task.squaredNorms = m_squares;
  task.norms = m_norms;
  task.strategies = static_cast<Index>(m_strategies.size());
  task.factorRule = [&](std::span<const double> norms, std::span<float> factors) {
    for (std::size_t s = 0; s < m_strategies.size(); ++s)
      tensorFactors(norms, m_groupings[s], m_thresholds[s], *m_strategies[s],
                    factors.subspan(s * tensors, tensors));
  };
  m_runner->begin(static_cast<Index>(m_data.train.size()), false);
  m_runner->run(Pass::Forward, Pass::Sums, task, {});
  for (std::size_t s = 0; s < m_strategies.size(); ++s) m_runner->sum(static_cast<Index>(s));
}

}  // namespace clipscope
