// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <random>

#include "engine/data/dataset_loader.h"

namespace clipscope::test {

/// Normal rows of any shape, scaled, with random classes; all of them for training.
inline LoadedData randomRows(const Shape& shape, Index count, int classes, double scale = 1,
                             std::uint64_t seed = 11) {
  Dataset::Content content;
  content.name = content.source = "random";
  content.shape = shape;
  content.outputs = classes;
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  LoadedData loaded;
  for (Index i = 0; i < count; ++i) {
    content.labels.push_back(static_cast<int>(random() % static_cast<std::uint64_t>(classes)));
    for (Index k = 0; k < shape.size(); ++k)
      content.rows.push_back(static_cast<float>(scale) * normal(random));
    loaded.train.push_back(i);
  }
  loaded.data = std::make_shared<Dataset>(std::move(content));
  return loaded;
}

}  // namespace clipscope::test
