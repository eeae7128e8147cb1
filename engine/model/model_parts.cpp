// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/model_parts.h"

#include <algorithm>

namespace clipscope {

std::vector<bool> ModelParts::needsGradient() const {
  std::vector<bool> needs(layers.size(), false);
  const auto below = [&](int node) { return node >= 0 && needs[static_cast<std::size_t>(node)]; };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto ids = layers[l]->parameters();
    needs[l] = below(links[l].input) || (links[l].joins && below(links[l].shortcut)) ||
               std::any_of(ids.begin(), ids.end(),
                           [&](ParameterId id) { return (*table)[id].trainableIndex >= 0; });
  }
  return needs;
}

std::vector<std::string> ModelParts::layerNames() const {
  // A block's line comes before the lines in it, its sum after their layers.
  std::vector<std::string> names;
  std::vector<const LayerDescription*> open;
  const auto close = [&](int depth) {
    while (!open.empty() && open.back()->depth >= depth) {
      names.push_back(open.back()->name);
      open.pop_back();
    }
  };
  for (const LayerDescription& line : description) {
    close(line.depth);
    if (line.kind == "residual")
      open.push_back(&line);
    else
      names.push_back(line.name);
  }
  close(0);
  return names;
}

std::vector<int> ModelParts::readers() const {
  std::vector<int> counts(layers.size(), 0);
  const auto count = [&](int node) {
    if (node >= 0) ++counts[static_cast<std::size_t>(node)];
  };
  for (const LayerLink& link : links) {
    count(link.input);
    if (link.joins) count(link.shortcut);
  }
  return counts;
}

void ModelParts::absorb() {
  const std::vector<int> counts = readers();
  absorbed.assign(layers.size(), false);
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const bool through = layers[l]->passesThrough();
    if (links[l].input < 0) {
      absorbed[l] = through;
      continue;
    }
    const auto below = static_cast<std::size_t>(links[l].input);
    if (counts[below] != 1) continue;
    absorbed[l] = through || (layers[l]->kind() == "relu" && layers[below]->takeRelu());
  }
}

Index ModelParts::floatsPerExample() const {
  Index floats = input.size() + largestFork();
  for (std::size_t l = 0; l < layers.size(); ++l)
    if (absorbed.empty() || !absorbed[l])
      floats += 2 * layers[l]->outputShape().size() + layers[l]->cacheSize(1).keptPerExample;
  return floats;
}

Index ModelParts::largestFork() const {
  const std::vector<int> counts = readers();
  Index largest = 0;
  for (std::size_t l = 0; l < layers.size(); ++l)
    if (counts[l] > 1) largest = std::max(largest, layers[l]->outputShape().size());
  return largest;
}

}  // namespace clipscope
