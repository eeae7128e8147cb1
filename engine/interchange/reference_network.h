// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "engine/clipping/norm_table.h"
#include "engine/data/dataset.h"
#include "engine/interchange/reference_json.h"
#include "engine/model/model.h"
#include "engine/training/batch_runner.h"

namespace clipscope {

/// A reference file's network and data inside the engine: the same Model and BatchRunner that
/// training uses.
class ReferenceNetwork {
 public:
  /// Reads layers, loss, frozen, params, inputs and labels.
  explicit ReferenceNetwork(const ReferenceFile& file);

  const Model& model() const { return *m_model; }
  Parameters& parameters() { return m_parameters; }
  const Dataset& data() const { return *m_data; }

  /// Results of one pass over rows of the inputs.
  struct Result {
    std::vector<float> losses;
    NormTable norms;
    std::vector<AlignedVector<float>>
        sums;  ///< one a strategy, laid out as the trainable parameters
  };
  using FactorRule = std::function<void(std::span<const double> norms, std::span<float> factors)>;
  Result run(std::span<const Index> rows, const FactorRule& rule, Index strategies) const;

  std::vector<float> output(Index row) const;
  /// Formed in double, by addPerSample.
  GradientSet gradient(Index row) const;

  /// A trainable tensor's part of a flat buffer.
  std::span<const float> tensor(const std::string& name, std::span<const float> flat) const;
  void setParameters(const ReferenceTensors& values, const ReferenceFile& file);

 private:
  std::shared_ptr<const Model> m_model;
  std::shared_ptr<const Dataset> m_data;
  Parameters m_parameters;
  mutable std::unique_ptr<BatchRunner> m_runner;
};

/// The file's layers, loss and frozen tensors as a model spec.
nlohmann::json specOfReference(const ReferenceFile& file);

}  // namespace clipscope
