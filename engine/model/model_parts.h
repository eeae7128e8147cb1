// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/layer.h"
#include "engine/model/loss.h"

namespace clipscope {

/// One line of the model's description: a layer of the spec, or a block before the layers in it.
struct LayerDescription {
  std::string name;  ///< "conv1", or "relu1" for a layer without parameters
  std::string kind;  ///< "conv2d"
  std::string text;  ///< "Conv 1→16, 8×8 /2"
  Shape output;
  Index parameters = 0;   ///< trainable and frozen; of a block, of all that is in it
  bool reuse = false;     ///< runs an earlier layer's weights again
  int depth = 0;          ///< residual blocks around it
  int parent = -1;        ///< the line of the innermost of them
  bool shortcut = false;  ///< stands on its block's shortcut, not on the branch
  std::string path;       ///< where it stands in the spec, a JSON pointer: "/layers/2/layers/0"
};

/// From where a layer reads: indices of layers in the order they run, −1 for the model's input.
struct LayerLink {
  int input = -1;
  int shortcut = -1;   ///< of a ResidualSum, the second input
  bool joins = false;  ///< has a second input
};

/// What a model is made of, before it is planned and compiled.
struct ModelParts {
  nlohmann::json spec;
  Shape input;
  std::shared_ptr<ParameterTable> table;
  std::vector<std::unique_ptr<Layer>> layers;  ///< each after those that it reads
  std::vector<LayerLink> links;
  std::vector<LayerDescription> description;
  std::unique_ptr<Loss> loss;
  /// Layers that the one they read from has taken over (Layer::takeRelu), or that do nothing
  /// (Layer::passesThrough): they are passed by, and their output and its gradient lie where that
  /// layer's do, or the model's input. Empty before absorb().
  std::vector<bool> absorbed;

  /// Offers each ReLU to the layer whose only reader it is, and finds the layers to pass by.
  void absorb();
  /// Does the gradient of a layer's output matter: is there anything trainable in it or below?
  std::vector<bool> needsGradient() const;
  /// A name for each layer, in the order they run: its line's; of a block's sum, the block's.
  std::vector<std::string> layerNames() const;
  /// Floats that one example takes in a BlockCache, scratch left out; from estimates of the layers
  /// that are not compiled yet.
  Index floatsPerExample() const;
  /// Values of the largest output that several layers read; 0 without residual blocks.
  Index largestFork() const;

 private:
  /// How many layers read each layer's output.
  std::vector<int> readers() const;
};

}  // namespace clipscope
