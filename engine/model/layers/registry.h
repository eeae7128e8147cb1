// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/layers/layer_builder.h"

namespace clipscope {

/// A field of a layer's JSON besides "type" and "name": what it takes, what it is when left out,
/// and what it means, for checking a spec and for an editor of one.
struct LayerField {
  enum class Type {
    Whole,      ///< a whole number from `least`
    Real,       ///< a finite number
    Positive,   ///< a number above 0
    Flag,       ///< true or false
    Pair,       ///< a whole number from `least`, or [height, width]
    Extents,    ///< a list of one to three whole numbers from 1
    Layers,     ///< a list of layers
    LayerName,  ///< the name of an earlier layer with parameters
  };
  std::string name;
  Type type = Type::Whole;
  nlohmann::json fallback;  ///< when left out; null where it is required or follows
  std::string follows;      ///< what an absent value follows from: "the input"; else empty
  Index least = 0;
  std::string help;  ///< one sentence for a person

  bool required() const { return fallback.is_null() && follows.empty(); }
  /// "a whole number from 1"
  std::string takes() const;
};

/// Where a kind stands in a menu.
enum class LayerGroup { Weights, Activation, Pooling, Normalisation, Structure };

/// One entry of the registry.
struct LayerKind {
  std::string type;    ///< in JSON
  std::string prefix;  ///< of automatic names: "conv" gives conv1, conv2, …
  std::string title;   ///< for a menu: "Convolution"
  std::string help;    ///< one sentence, with the formula where there is one
  LayerGroup group = LayerGroup::Weights;
  std::vector<LayerField> fields;  ///< allowed besides "type" and "name"
  /// Empty for "residual" and "reuse", which the model's builder makes of other layers.
  std::function<std::unique_ptr<Layer>(LayerBuilder&)> build;

  /// The field must exist.
  const LayerField& field(const std::string& name) const;
};

/// Every layer type that a model may use.
const std::vector<LayerKind>& layerKinds();

/// Throws SpecError for an unknown type, listing the known ones; for batch normalisation it says
/// why DP-SGD cannot have it and what to use instead. UnsupportedError for a type that is known
/// from the reference files and not built here.
const LayerKind& layerKind(const std::string& type);

}  // namespace clipscope
