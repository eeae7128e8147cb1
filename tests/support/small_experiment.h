// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cmath>
#include <memory>
#include <random>

#include "engine/training/experiment.h"

namespace clipscope::test {

/// Rows of a few features in three classes, drawn around three centres: enough to train on in
/// milliseconds.
inline LoadedData smallData(Index count = 120, Index features = 7, std::uint64_t seed = 3) {
  Dataset::Content content;
  content.name = "three clouds";
  content.source = "test";
  content.shape = Shape{features};
  content.outputs = 3;
  content.classNames = {"a", "b", "c"};
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (Index i = 0; i < count; ++i) {
    const int label = static_cast<int>(i % 3);
    content.labels.push_back(label);
    for (Index k = 0; k < features; ++k)
      content.rows.push_back(normal(random) + (k % 3 == label ? 1.5f : 0.0f));
  }
  LoadedData loaded;
  loaded.data = std::make_shared<Dataset>(std::move(content));
  splitDataset(count, 0.25, 1, loaded.train, loaded.test);
  return loaded;
}

/// A two-layer network on smallData(), batches of about 17.
inline Experiment smallExperiment() {
  Experiment e;
  e.model.preset.clear();
  e.model.spec = nlohmann::json::parse(R"({"layers": [
    {"type": "linear", "name": "fc1", "out": 13}, {"type": "tanh"},
    {"type": "linear", "name": "fc2", "out": 3}]})");
  e.sampling.expectedBatchSize = 17;
  e.run.steps = 5;
  e.run.evaluateEvery = 2;
  return e;
}

/// Small images and a convolutional network with everything that blocks treat apart.
inline LoadedData smallImages(Index count = 60, std::uint64_t seed = 5) {
  Dataset::Content content;
  content.name = "noise images";
  content.source = "test";
  content.shape = Shape{2, 9, 7};
  content.outputs = 3;
  content.classNames = {"a", "b", "c"};
  std::mt19937_64 random(seed);
  for (Index i = 0; i < count; ++i) {
    content.labels.push_back(static_cast<int>(random() % 3));
    for (Index k = 0; k < content.shape.size(); ++k)
      content.pixels.push_back(static_cast<std::uint8_t>(random()));
  }
  LoadedData loaded;
  loaded.data = std::make_shared<Dataset>(std::move(content));
  splitDataset(count, 0.25, 1, loaded.train, loaded.test);
  return loaded;
}

inline Experiment imageExperiment() {
  Experiment e = smallExperiment();
  e.model.spec = nlohmann::json::parse(R"({"layers": [
    {"type": "conv2d", "name": "conv1", "out_channels": 5, "kernel": 3, "padding": 1},
    {"type": "groupnorm", "name": "gn1", "groups": 5}, {"type": "relu"},
    {"type": "maxpool2d", "kernel": 2},
    {"type": "conv2d", "name": "conv2", "out_channels": 6, "kernel": 2, "groups": 1},
    {"type": "relu"}, {"type": "flatten"}, {"type": "linear", "name": "fc", "out": 3}]})");
  return e;
}

/// Images through a residual block with a strided shortcut, and one inside another.
inline Experiment residualExperiment() {
  Experiment e = smallExperiment();
  e.model.spec = nlohmann::json::parse(R"({"layers": [
    {"type": "conv2d", "name": "conv1", "out_channels": 4, "kernel": 3, "padding": 1},
    {"type": "residual", "layers": [
      {"type": "conv2d", "out_channels": 6, "kernel": 3, "stride": 2, "padding": 1},
      {"type": "groupnorm", "groups": 3}, {"type": "silu"},
      {"type": "residual", "layers": [
        {"type": "conv2d", "out_channels": 6, "kernel": 3, "padding": 1}, {"type": "leaky_relu"}]}],
     "shortcut": [{"type": "conv2d", "out_channels": 6, "kernel": 1, "stride": 2}]},
    {"type": "adaptive_avgpool2d", "output": 2}, {"type": "flatten"},
    {"type": "linear", "name": "fc", "out": 3}]})");
  return e;
}

}  // namespace clipscope::test
