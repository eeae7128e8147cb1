// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace clipscope {

/// Appends the shortest text that reads back as the same value; '.' whatever the locale; "inf",
/// "-inf", "nan" for what is not finite.
void appendNumber(std::string& text, double value);
void appendNumber(std::string& text, float value);
std::string numberText(double value);
std::string numberText(float value);

}  // namespace clipscope
