// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/training/trainer.h"

namespace clipscope {

/// A network to be timed, for inputs of one shape.
struct BenchNetwork {
  std::string name;
  Shape input;
  nlohmann::json spec;  ///< {"layers": […], "loss": "cross_entropy"}, ten classes
};

/// The three networks that peers are measured on: "mlp", "mnist-cnn", "cifar-cnn".
const std::vector<BenchNetwork>& benchNetworks();
/// One of those by name, or one of one's own from the text of {"input": [3, 32, 32], "layers":
/// […]}. Throws SpecError.
BenchNetwork benchNetwork(const std::string& nameOrJson);

/// `batch` examples that are all drawn every step, so that the batch has one size.
LoadedData wholeBatch(const BenchNetwork& network, Index batch);
/// What trains `network` on wholeBatch(): flat clipping at C = 1, σ = 1.1, SGD.
Experiment benchExperiment(const BenchNetwork& network, bool unclippedSum);

}  // namespace clipscope
