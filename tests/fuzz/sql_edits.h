// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace clipscope::fuzz {

bool isDatabase(std::string_view bytes);
/// The database after the statements of `sql`, one a line; what is no statement, or reaches out of
/// the database, or takes too long, changes nothing.
std::string edited(const std::string& database, std::string_view sql);

}  // namespace clipscope::fuzz
