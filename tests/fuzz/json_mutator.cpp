// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "tests/fuzz/properties.h"

using nlohmann::json;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace {

/// Values at which code that counts tends to turn.
json edgeValue(std::mt19937& random) {
  static const json values = json::array({0,
                                          1,
                                          -1,
                                          2,
                                          3,
                                          4,
                                          7,
                                          8,
                                          16,
                                          17,
                                          65535,
                                          65536,
                                          65537,
                                          1 << 24,
                                          16777217,
                                          1u << 31,
                                          1e9,
                                          1e-9,
                                          0.5,
                                          0.1,
                                          -0.0,
                                          1e30,
                                          1e-30,
                                          1e308,
                                          5e-324,
                                          1e-46,
                                          -1e308,
                                          true,
                                          false,
                                          nullptr,
                                          "",
                                          "x",
                                          json::array(),
                                          json::object(),
                                          json::array({1, 2}),
                                          json::array({65536, 1}),
                                          std::int64_t{1} << 40,
                                          INT64_MAX,
                                          INT64_MIN,
                                          UINT64_MAX});
  return values[random() % values.size()];
}

/// All values in it, itself first.
void collect(json& value, std::vector<json*>& all, int depth = 0) {
  all.push_back(&value);
  if (depth < 120 && value.is_structured())
    for (json& child : value) collect(child, all, depth + 1);
}

std::string mutated(const std::string& text) {
  std::string bytes = text + std::string(16, '\0');
  bytes.resize(
      LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(bytes.data()), text.size(), bytes.size()));
  return bytes;
}

void change(json& whole, std::mt19937& random) {
  std::vector<json*> all;
  collect(whole, all);
  json& value = *all[random() % all.size()];
  switch (random() % 6) {
    case 0:
      value = edgeValue(random);
      break;
    case 1:
      value = json(*all[random() % all.size()]);
      break;
    case 2:
      if (value.is_number_integer())
        value = value.get<std::int64_t>() / 2 + static_cast<int>(random() % 9) - 4;
      else if (value.is_number())
        value = value.get<double>() * std::exp(static_cast<double>(random() % 9) - 4);
      else if (value.is_string())
        value = mutated(value.get<std::string>());
      break;
    case 3:
      if (value.is_array() && !value.empty()) value.erase(random() % value.size());
      if (value.is_object() && !value.empty())
        value.erase(std::next(value.begin(), static_cast<int>(random() % value.size())));
      break;
    case 4:
      if (value.is_array()) {
        const json element = value.empty() ? edgeValue(random) : value[random() % value.size()];
        value.insert(value.begin() + static_cast<int>(random() % (value.size() + 1)), element);
      }
      break;
    case 5:
      // A key from elsewhere: fields that belong to another object.
      if (const json& other = *all[random() % all.size()];
          value.is_object() && other.is_object() && !other.empty()) {
        const auto at = std::next(other.begin(), static_cast<int>(random() % other.size()));
        const std::string key = at.key();
        json copy = at.value();
        value[key] = std::move(copy);
      }
      break;
  }
}

}  // namespace

/// Changes values, not letters: what is left is JSON, so that most inputs come past the parser.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t most, unsigned seed) {
  std::mt19937 random(seed);
  const char* text = reinterpret_cast<const char*>(data);
  json whole = json::parse(text, text + size, nullptr, false);
  if (whole.is_discarded() || random() % 8 == 0) return LLVMFuzzerMutate(data, size, most);
  for (std::size_t k = 0; k <= random() % 4; ++k) change(whole, random);
  const std::string result = whole.dump(-1, ' ', false, json::error_handler_t::replace);
  if (result.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, result.data(), result.size());
  return result.size();
}
