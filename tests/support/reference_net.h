// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope::test {

/// A second implementation of the layers, for tests alone: forward only, in double, with plain
/// loops over PyTorch's layouts and nothing shared with the engine. Central differences of its loss
/// are the gradients that the engine is held against.
class ReferenceNet {
 public:
  using Tensors = std::map<std::string, std::vector<double>>;

  /// The layers must be named and complete (in, out, channels given).
  ReferenceNet(nlohmann::json spec, Shape input) : m_spec(std::move(spec)), m_input(input) {}

  /// Output for one example given in PyTorch's order (C, H, W).
  std::vector<double> output(const Tensors& parameters, const std::vector<double>& x) const;
  /// Loss with a class label, or with target values.
  double loss(const Tensors& parameters, const std::vector<double>& x, int label,
              const std::vector<double>& target) const;
  /// ∂loss/∂tensor by central differences, step 1e-5.
  std::vector<double> gradient(Tensors parameters, const std::string& tensor,
                               const std::vector<double>& x, int label,
                               const std::vector<double>& target) const;

 private:
  nlohmann::json m_spec;
  Shape m_input;
};

}  // namespace clipscope::test
