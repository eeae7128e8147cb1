// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/training/json_fields.h"

#include <limits>

#include "engine/error.h"
#include "engine/formats/shortened.h"

namespace clipscope {

using nlohmann::json;

namespace {

const json& nothing() {
  static const json empty = json::object();
  return empty;
}

/// Files write what JSON has no number for as text.
bool asDouble(const json& value, double& out) {
  if (value.is_number()) {
    out = value.get<double>();
    return true;
  }
  return false;
}

}  // namespace

JsonFields::JsonFields(const json& value, std::string path)
    : m_json(value.is_null() ? nothing() : value), m_path(std::move(path)) {
  if (!m_json.is_object())
    throw SettingError((m_path.empty() ? std::string("the experiment") : m_path) +
                       ": must be an object {…}");
}

std::string JsonFields::path(const std::string& name) const {
  return m_path.empty() ? name : m_path + "." + name;
}

const json* JsonFields::find(const std::string& name) {
  m_known.insert(name);
  const auto found = m_json.find(name);
  return found == m_json.end() ? nullptr : &*found;
}

bool JsonFields::has(const std::string& name) { return find(name) != nullptr; }

const json& JsonFields::raw(const std::string& name) {
  static const json null;
  const json* value = find(name);
  return value ? *value : null;
}

void JsonFields::wrong(const std::string& name, const std::string& wanted) {
  throw SettingError(path(name) + ": " + shortened(find(name)->dump(), 60) + " must be " + wanted);
}

void JsonFields::read(const std::string& name, double& value) {
  const json* found = find(name);
  if (found && !asDouble(*found, value)) wrong(name, "a number");
}

void JsonFields::read(const std::string& name, Index& value) {
  const json* found = find(name);
  if (!found) return;
  if (!found->is_number_integer() ||
      (found->is_number_unsigned() &&
       found->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<Index>::max())))
    wrong(name, "a whole number");
  value = found->get<Index>();
}

void JsonFields::read(const std::string& name, std::uint64_t& value) {
  const json* found = find(name);
  if (!found) return;
  if (!found->is_number_unsigned()) wrong(name, "a whole number from 0");
  value = found->get<std::uint64_t>();
}

void JsonFields::read(const std::string& name, int& value) {
  Index wide = value;
  read(name, wide);
  if (wide < std::numeric_limits<int>::min() || wide > std::numeric_limits<int>::max())
    wrong(name, "a smaller whole number");
  value = static_cast<int>(wide);
}

void JsonFields::read(const std::string& name, bool& value) {
  const json* found = find(name);
  if (!found) return;
  if (!found->is_boolean()) wrong(name, "true or false");
  value = found->get<bool>();
}

void JsonFields::read(const std::string& name, std::string& value) {
  const json* found = find(name);
  if (!found) return;
  if (!found->is_string()) wrong(name, "a text");
  value = found->get<std::string>();
}

void JsonFields::read(const std::string& name, std::vector<double>& value) {
  const json* found = find(name);
  if (!found) return;
  if (!found->is_array()) wrong(name, "a list of numbers");
  value.clear();
  for (const json& item : *found) {
    double number = 0;
    if (!asDouble(item, number)) wrong(name, "a list of numbers");
    value.push_back(number);
  }
}

void JsonFields::read(const std::string& name, std::vector<std::string>& value) {
  const json* found = find(name);
  if (!found) return;
  if (!found->is_array()) wrong(name, "a list of texts");
  value.clear();
  for (const json& item : *found) {
    if (!item.is_string()) wrong(name, "a list of texts");
    value.push_back(item.get<std::string>());
  }
}

JsonFields JsonFields::object(const std::string& name) {
  if (has(name) && find(name)->is_null()) wrong(name, "an object {…}");
  return JsonFields(raw(name), path(name));
}

void JsonFields::checkAllKnown() const {
  for (const auto& [key, value] : m_json.items()) {
    if (m_known.count(key) != 0) continue;
    std::string choices;
    for (const std::string& known : m_known) choices += (choices.empty() ? "" : ", ") + known;
    throw SettingError(path(key) + ": there is no such setting; known here are " + choices);
  }
}

}  // namespace clipscope
