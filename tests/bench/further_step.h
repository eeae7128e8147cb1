// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <vector>

#include "engine/clipping/grouping.h"
#include "engine/clipping/strategy.h"
#include "engine/training/batch_runner.h"
#include "tests/bench/bench_network.h"

namespace clipscope {

/// The passes of a step over the batch with one or with two clipping strategies on it: flat
/// clipping at a threshold, and an automatic rule a layer. Noise, update and record, which do not
/// depend on how many there are, are left out: the ratio of the two is larger than that of whole
/// steps.
class FurtherStep {
 public:
  FurtherStep(const BenchNetwork& network, LoadedData data, Index strategies);
  void step();

 private:
  LoadedData m_data;
  std::shared_ptr<const Model> m_model;
  Parameters m_parameters;
  PreparedParameters m_prepared;
  std::optional<BatchRunner> m_runner;
  std::vector<Grouping> m_groupings;
  std::vector<std::vector<double>> m_thresholds;
  std::vector<std::shared_ptr<const ClipStrategy>> m_strategies;
  std::vector<float> m_losses;
  std::vector<int> m_predictions;
  std::vector<double> m_squares, m_norms;
};

}  // namespace clipscope
