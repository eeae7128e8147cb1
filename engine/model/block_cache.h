// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/model/layer.h"
#include "engine/model/layer_clock.h"
#include "engine/tensor/aligned_vector.h"

namespace clipscope {

/// The memory in which one block goes through a model: input, every layer's output and its
/// gradient, and what layers keep. Made by Model::makeCache(); a thread reuses one for block after
/// block.
struct BlockCache {
  Index rows = 0;  ///< examples in it now, at most the model's blockRows()
  Index maxRows = 0;
  View input;  ///< fill rows × input size before forward; images channels last
  std::vector<LayerCache> layers;
  /// Where a value has two readers: what the second gives back, before it is added to the first's.
  float* second = nullptr;
  AlignedVector<float> memory;
  LayerClock* clock = nullptr;  ///< where the model's passes add each layer's time; may be null

  ConstView output() const { return layers.back().y; }
};

}  // namespace clipscope
