// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/bench/bench_network.h"

#include "engine/error.h"
#include "engine/model/presets.h"

namespace clipscope {

const std::vector<BenchNetwork>& benchNetworks() {
  static const std::vector<BenchNetwork> networks = [] {
    std::vector<BenchNetwork> made{{"mlp", Shape{1, 28, 28}, {}},
                                   {"mnist-cnn", Shape{1, 28, 28}, {}},
                                   {"cifar-cnn", Shape{3, 32, 32}, {}}};
    for (BenchNetwork& network : made)
      network.spec = presetSpec(network.name, network.input, 10, false);
    return made;
  }();
  return networks;
}

BenchNetwork benchNetwork(const std::string& nameOrJson) {
  for (const BenchNetwork& network : benchNetworks())
    if (network.name == nameOrJson) return network;
  const auto json = nlohmann::json::parse(nameOrJson, nullptr, false);
  if (!json.is_object() || !json.contains("input"))
    throw SpecError("no such network: " + nameOrJson);
  BenchNetwork network;
  network.name = json.value("name", "own");
  network.input = Shape(json.at("input").get<std::vector<Index>>());
  if (json.contains("preset"))
    network.spec = presetSpec(json.at("preset"), network.input, 10, false);
  else
    network.spec = {{"layers", json.at("layers")}, {"loss", "cross_entropy"}};
  return network;
}

LoadedData wholeBatch(const BenchNetwork& network, Index batch) {
  Dataset::Content content;
  content.name = content.source = "benchmark";
  content.shape = network.input;
  content.outputs = 10;
  for (int k = 0; k < 10; ++k) content.classNames.push_back(std::to_string(k));
  content.normalisation = {{0.5}, {0.25}, false};
  content.pixels.resize(static_cast<std::size_t>(batch * network.input.size()));
  std::uint32_t state = 1;
  for (std::uint8_t& pixel : content.pixels) {
    state = state * 1664525u + 1013904223u;
    pixel = static_cast<std::uint8_t>(state >> 24);
  }
  LoadedData loaded;
  for (Index i = 0; i < batch; ++i) {
    content.labels.push_back(static_cast<int>(i % 10));
    loaded.train.push_back(i);
  }
  loaded.data = std::make_shared<Dataset>(std::move(content));
  return loaded;
}

Experiment benchExperiment(const BenchNetwork& network, bool unclippedSum) {
  Experiment e;
  e.model.preset.clear();
  e.model.spec = network.spec;
  e.sampling.sampleRate = 1;
  e.optimizer.learningRate = 1e-3;
  e.run.unclippedSum = unclippedSum;
  return e;
}

}  // namespace clipscope
