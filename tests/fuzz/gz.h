// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace clipscope::fuzz {

bool isGz(std::string_view bytes);
/// A .gz of `bytes`.
std::string packed(std::string_view bytes);
/// What a .gz holds, up to `most` bytes of it, damaged or not.
std::string unpacked(std::string_view bytes, std::size_t most);

}  // namespace clipscope::fuzz
