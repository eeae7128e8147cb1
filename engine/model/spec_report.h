// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/loss.h"
#include "engine/model/model_parts.h"

namespace clipscope {

/// What can be said of a model's spec while it is being written: shapes and counts up to the first
/// thing that is wrong. Nothing is compiled, so it may be made at every keystroke.
struct SpecReport {
  std::vector<LayerDescription> layers;  ///< those that could be made; a failed block has no output
  std::string error;                     ///< empty when the spec makes a model that fits the data
  /// What `error` is about: the JSON pointer of a layer, "/loss", "/frozen", or "" for the whole.
  std::string errorPath;

  Index parameters = 0;  ///< of the layers listed, frozen ones included
  Index trainable = 0;
  Index bytesPerExample = 0;  ///< activations, gradients and what layers keep of one example

  bool sound() const { return error.empty(); }
  /// The line of the layer at a JSON pointer; null where there is none.
  const LayerDescription* at(const std::string& path) const;
};

/// Never throws for what a spec may be.
SpecReport reportSpec(const nlohmann::json& spec, const Shape& input, const TargetKind& targets);

}  // namespace clipscope
