// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/formats/json_text.h"

#include "engine/error.h"
#include "engine/formats/shortened.h"

namespace clipscope {

using nlohmann::json;

namespace {

constexpr int mostDepth = 100;
constexpr std::size_t mostReason = 300;  // the library quotes what it has read, however long

}  // namespace

json parseJson(const std::string& text, const std::string& name) {
  const auto shallow = [&](int depth, json::parse_event_t event, json&) {
    const bool opens =
        event == json::parse_event_t::array_start || event == json::parse_event_t::object_start;
    if (opens && depth >= mostDepth)
      throw FileError(name + ": its JSON has more than " + std::to_string(mostDepth) +
                      " lists or objects inside one another; nothing that this program reads is "
                      "that deep");
    return true;
  };
  try {
    return json::parse(text, shallow);
  } catch (const json::exception& error) {
    // The library's own prefix, "[json.exception.parse_error.101] ", says nothing to a person.
    std::string reason = error.what();
    if (const auto prefix = reason.find("] "); reason[0] == '[' && prefix != std::string::npos)
      reason.erase(0, prefix + 2);
    throw FileError(name + ": is not valid JSON (" + shortened(reason, mostReason) + ")");
  }
}

}  // namespace clipscope
