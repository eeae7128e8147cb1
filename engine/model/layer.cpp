// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layer.h"

#include <algorithm>

namespace clipscope {

void Layer::unpack(ParameterId id, const float* packed, float* plain) const {
  std::copy_n(packed, (*m_table)[id].size(), plain);
}

}  // namespace clipscope
