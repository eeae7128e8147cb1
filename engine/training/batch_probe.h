// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/data/dataset.h"
#include "engine/model/model.h"
#include "engine/model/parameters.h"
#include "engine/tensor/draw_key.h"
#include "engine/tensor/secure_stream.h"

namespace clipscope {

/// Takes dataset examples through forward and backward in `cache` (at most its maxRows of them).
void runExamples(const Model& model, const PreparedParameters& prepared, const Dataset& data,
                 std::span<const Index> examples, const DrawKey& key, BlockCache& cache);

/// Looks back into a batch: the parameters as they were when the step began, the examples drawn and
/// the draw keys. It recomputes on demand, for one example, what a step never keeps: the whole
/// block that the example was in, because a product's rounding depends on its size, and where a
/// softmax is nearly certain a last bit of a logit is 1e-5 of the gradient. Immutable; may outlive
/// the Trainer.
class BatchProbe {
 public:
  BatchProbe(std::shared_ptr<const Model> model, std::shared_ptr<const Parameters> parameters,
             std::shared_ptr<const Dataset> data, std::vector<Index> examples, DrawKey key,
             std::shared_ptr<const SecureKey> secret = nullptr);

  const std::vector<Index>& examples() const { return m_examples; }
  const Model& model() const { return *m_model; }
  const Parameters& parameters() const { return *m_parameters; }
  const Dataset& data() const { return *m_data; }
  /// Seed and step of the batch's draws.
  const DrawKey& key() const { return m_key; }
  /// The step's noise of trainable tensor `tensor`, before it is scaled: standard normals.
  void fillNoise(Index tensor, std::span<float> out) const;

  /// Gradient and output of one pass.
  struct Look {
    GradientSet gradient;
    std::vector<float> output;
  };
  Look look(Index row) const;
  /// g_i of row `row` of the batch, every trainable tensor, summed in double.
  GradientSet gradient(Index row) const;
  /// ‖g_ip‖ by trainable tensor, from the gradient formed in double.
  std::vector<double> formedNorms(Index row) const;
  /// The model's output for that row (logits or prediction).
  std::vector<float> output(Index row) const;

 private:
  /// A block after backward, and where the row is in it.
  struct Block {
    BlockCache cache;
    Index row = 0;
  };
  Block passThrough(Index row) const;

  std::shared_ptr<const Model> m_model;
  std::shared_ptr<const Parameters> m_parameters;
  std::shared_ptr<const Dataset> m_data;
  std::vector<Index> m_examples;
  DrawKey m_key;
  std::shared_ptr<const SecureKey> m_secret;  ///< in secure mode, while the step is at hand
};

}  // namespace clipscope
