// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/model/model.h"
#include "engine/optimizer/optimizer.h"
#include "tests/bench/bench_network.h"

namespace clipscope {

class BatchWeightGradient;

/// A step of SGD without privacy, as fast as the engine's own parts make it: forward, backward, the
/// batch's gradient, update. No norm, factor, noise, record or diagnosis. What the private step is
/// held against; a private step of the Trainer with everything switched off would not do, for it
/// still forms norms.
///
/// A linear layer's gradient is one product over a block, a convolution's one oneDNN call over a
/// block (not one an example, as in the private step). Affine norms have no batch gradient of their
/// own in the engine: they go through squaredNorms, which is some hundred values an example.
/// Networks without residual blocks.
class PlainStep {
 public:
  PlainStep(const BenchNetwork& network, LoadedData data);
  ~PlainStep();

  void step();
  double meanLoss() const;
  const Parameters& parameters() const { return m_parameters; }

 private:
  /// What a thread works in.
  struct Worker;

  void runBlock(Worker& worker, Index block);
  void update();

  LoadedData m_data;
  std::shared_ptr<const Model> m_model;
  /// The model's layers once more: a Model shows only whole passes. They hold no state.
  std::vector<std::unique_ptr<Layer>> m_layers;
  std::map<std::size_t, std::unique_ptr<BatchWeightGradient>> m_convolutions;  ///< by layer
  Parameters m_parameters;
  PreparedParameters m_prepared;
  std::vector<Worker> m_workers;
  std::vector<float> m_losses;
  std::vector<int> m_predictions;
  AlignedVector<float> m_gradient;
  std::unique_ptr<Optimizer> m_optimizer;
};

}  // namespace clipscope
