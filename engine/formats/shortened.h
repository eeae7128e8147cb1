// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace clipscope {

/// The text, or its first `most` bytes and "…" where it is longer; no UTF-8 character is cut.
std::string shortened(const std::string& text, std::size_t most);

}  // namespace clipscope
