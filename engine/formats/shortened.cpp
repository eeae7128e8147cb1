// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/shortened.h"

namespace clipscope {

std::string shortened(const std::string& text, std::size_t most) {
  if (text.size() <= most) return text;
  const auto insideOne = [&](std::size_t at) { return (text[at] & 0xC0) == 0x80; };
  while (most > 0 && insideOne(most)) --most;
  return text.substr(0, most) + "…";
}

}  // namespace clipscope
