// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// Reads the fields of one JSON object and remembers which were asked for, so that a misspelt key
/// is an error and not a silent default. Every message begins with the field's path.
class JsonFields {
 public:
  /// Throws SettingError where `json` is not an object. A missing one has no fields.
  JsonFields(const nlohmann::json& json, std::string path);

  bool has(const std::string& name);
  std::string path(const std::string& name) const;
  const nlohmann::json& raw(const std::string& name);

  void read(const std::string& name, double& value);
  void read(const std::string& name, Index& value);
  void read(const std::string& name, std::uint64_t& value);
  void read(const std::string& name, int& value);
  void read(const std::string& name, bool& value);
  void read(const std::string& name, std::string& value);
  void read(const std::string& name, std::vector<double>& value);
  void read(const std::string& name, std::vector<std::string>& value);
  /// A name out of a list, through `parse(text, path)`.
  template <class T, class Parse>
  void read(const std::string& name, T& value, Parse&& parse) {
    std::string text;
    read(name, text);
    if (has(name)) value = parse(text, path(name));
  }
  /// The object of that name, to be read in turn.
  JsonFields object(const std::string& name);

  /// Throws SettingError for a key that was never asked for, listing those that are known.
  void checkAllKnown() const;

 private:
  const nlohmann::json* find(const std::string& name);
  [[noreturn]] void wrong(const std::string& name, const std::string& wanted);

  const nlohmann::json& m_json;
  std::string m_path;
  std::set<std::string> m_known;
};

}  // namespace clipscope
