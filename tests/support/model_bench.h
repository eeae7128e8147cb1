// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/model/model.h"
#include "tests/support/reference_net.h"

namespace clipscope::test {

/// A model with random weights and a batch of random examples, taken through the passes block by
/// block; and the same in the ReferenceNet's terms.
class ModelBench {
 public:
  /// `rows` examples in blocks of at most `physicalLimit`. The draws follow from `seed`.
  ModelBench(const nlohmann::json& spec, const Shape& input, Index rows, Index physicalLimit,
             std::uint64_t seed);

  /// Runs all blocks: losses, squared norms, and the sums with `factors` (rows × strategies ×
  /// tensors).
  void run(std::span<const float> factors, Index strategies);

  const Model& model() const { return *m_model; }
  Index rows() const { return m_rows; }
  Index tensors() const { return m_model->table().trainableCount(); }
  std::string tensorName(Index t) const { return m_model->table().trainableInfo(t).name; }

  const std::vector<float>& losses() const { return m_losses; }
  double squaredNorm(Index row, Index tensor) const {
    return m_squares[static_cast<std::size_t>(row * tensors() + tensor)];
  }
  /// g_i as addPerSample forms it.
  const GradientSet& gradient(Index row) const {
    return m_gradients[static_cast<std::size_t>(row)];
  }
  /// Squared norms from formedSquaredNorms.
  double formedSquare(Index row, Index tensor) const {
    return m_formed[static_cast<std::size_t>(row * tensors() + tensor)];
  }
  /// Σ f g of one tensor in PyTorch's layout.
  std::span<const float> sum(Index strategy, Index tensor) const;

  double referenceLoss(Index row) const;
  std::vector<double> referenceGradient(Index row, const std::string& tensor) const;

 private:
  std::vector<double> example(Index row) const;
  std::vector<double> target(Index row) const;

  std::shared_ptr<const Model> m_model;
  ReferenceNet m_reference;
  ReferenceNet::Tensors m_tensors;
  Parameters m_parameters;
  Index m_rows;
  std::vector<double> m_inputs;  ///< PyTorch's order
  std::vector<int> m_labels;
  std::vector<float> m_targets;
  std::vector<float> m_losses;
  std::vector<double> m_squares, m_formed;
  std::vector<GradientSet> m_gradients;
  std::vector<std::vector<float>> m_sums;
};

}  // namespace clipscope::test
