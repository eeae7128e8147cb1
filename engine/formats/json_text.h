// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace clipscope {

/// JSON that somebody else wrote. Throws FileError beginning with `name`: where it is broken, by
/// line and column; a number that no double holds; lists inside lists more than 100 deep, since
/// whatever walks, copies or writes JSON does so by recursion.
nlohmann::json parseJson(const std::string& text, const std::string& name);

}  // namespace clipscope
