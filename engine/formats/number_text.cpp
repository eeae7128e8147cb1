// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/number_text.h"

#include <charconv>
#include <cmath>

namespace clipscope {

namespace {

template <class T>
void append(std::string& text, T value) {
  if (std::isnan(value)) {
    text += "nan";
    return;
  }
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  text.append(buffer, end);
}

}  // namespace

void appendNumber(std::string& text, double value) { append(text, value); }
void appendNumber(std::string& text, float value) { append(text, value); }

std::string numberText(double value) {
  std::string text;
  append(text, value);
  return text;
}

std::string numberText(float value) {
  std::string text;
  append(text, value);
  return text;
}

}  // namespace clipscope
