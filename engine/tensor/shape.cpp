// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/shape.h"

namespace clipscope {

std::string Shape::toString() const {
  if (m_extents.empty()) return "scalar";
  std::string text;
  for (Index extent : m_extents) {
    if (!text.empty()) text += "×";
    text += std::to_string(extent);
  }
  return text;
}

}  // namespace clipscope
