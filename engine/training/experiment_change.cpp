// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/experiment_change.h"

namespace clipscope {

namespace {

std::string shortValue(const nlohmann::json& value) {
  constexpr std::size_t longest = 24;
  std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (text.size() <= longest) return text;
  std::size_t end = longest - 1;
  // Not in the middle of a character of several bytes.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::string describeChange(const Experiment& from, const Experiment& to) {
  const nlohmann::json a = toJson(from), b = toJson(to);
  for (const auto& change : nlohmann::json::diff(a, b)) {
    const std::string path = change.at("path");
    const nlohmann::json::json_pointer pointer(path);
    const std::string name = path.substr(path.rfind('/') + 1);
    if (!a.contains(pointer) || !b.contains(pointer)) return name;
    return name + " " + shortValue(a.at(pointer)) + " → " + shortValue(b.at(pointer));
  }
  return {};
}

}  // namespace clipscope
