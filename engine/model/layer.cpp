// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layer.h"

#include <algorithm>

#include "engine/tensor/parallel.h"

namespace clipscope {

void Layer::unpack(ParameterId id, const float* packed, float* plain) const {
  const Index size = (*m_table)[id].size();
  parallelRanges(size, size, [&](Index from, Index to) {
    std::copy(packed + from, packed + to, plain + from);
  });
}

}  // namespace clipscope
