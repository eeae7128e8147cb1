// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/reference_json.h"

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "engine/formats/byte_source.h"
#include "engine/formats/json_text.h"

namespace clipscope {

using nlohmann::json;

namespace {

bool readNumber(const json& value, double& out) {
  if (value.is_number()) {
    out = value.get<double>();
    return true;
  }
  if (!value.is_string()) return false;
  const std::string text = value.get<std::string>();
  if (text == "inf") out = std::numeric_limits<double>::infinity();
  if (text == "-inf") out = -std::numeric_limits<double>::infinity();
  if (text == "nan") out = std::numeric_limits<double>::quiet_NaN();
  return text == "inf" || text == "-inf" || text == "nan";
}

}  // namespace

ReferenceFile::ReferenceFile(const std::filesystem::path& path) : m_name(path.string()) {
  m_content = parseJson(readText(path, std::size_t{1} << 30), m_name);
  if (!m_content.is_object()) fail("is not an object");
}

void ReferenceFile::fail(const std::string& why) const { throw FileError(m_name + ": " + why); }

const json& ReferenceFile::field(const char* name) const {
  const auto found = m_content.find(name);
  if (found == m_content.end()) fail(std::string("has no field \"") + name + "\"");
  return *found;
}

ReferenceTensor ReferenceFile::tensor(const json& value, const std::string& what) const {
  if (!value.is_object() || !value.contains("shape") || !value.contains("data") ||
      !value["shape"].is_array() || !value["data"].is_array())
    fail("\"" + what + "\" is not a tensor {dtype, shape, data}");
  ReferenceTensor tensor;
  std::vector<Index> extents;
  Index size = 1;
  for (const json& extent : value["shape"]) {
    if (!extent.is_number_integer() || extent.get<Index>() < 0 ||
        extent.get<Index>() > (Index{1} << 30))
      fail("\"" + what + "\" has a bad shape");
    extents.push_back(extent.get<Index>());
    size *= extents.back();
    if (size > (Index{1} << 30)) fail("\"" + what + "\" is too large");
  }
  tensor.shape = Shape(std::move(extents));
  const json& data = value["data"];
  if (static_cast<Index>(data.size()) != size)
    fail("\"" + what + "\" has " + std::to_string(data.size()) + " values for the shape " +
         tensor.shape.toString());
  tensor.data.reserve(data.size());
  for (const json& item : data) {
    double number = 0;
    if (!readNumber(item, number)) fail("\"" + what + "\" holds something that is not a number");
    tensor.data.push_back(number);
  }
  return tensor;
}

ReferenceTensors ReferenceFile::tensors(const char* name) const {
  const json& all = field(name);
  if (!all.is_object()) fail(std::string("\"") + name + "\" is not an object of tensors");
  ReferenceTensors tensors;
  for (const auto& [key, value] : all.items()) tensors[key] = tensor(value, key);
  return tensors;
}

void ReferenceFile::expectSize(const ReferenceTensor& tensor, Index size,
                               const std::string& what) const {
  if (static_cast<Index>(tensor.data.size()) != size)
    fail("\"" + what + "\" has " + std::to_string(tensor.data.size()) + " values where " +
         std::to_string(size) + " are needed");
}

double ReferenceFile::number(const char* name) const {
  double value = 0;
  if (!readNumber(field(name), value)) fail(std::string("\"") + name + "\" is not a number");
  return value;
}

std::vector<std::string> ReferenceFile::names(const char* name) const {
  std::vector<std::string> result;
  const json& list = field(name);
  if (!list.is_array()) fail(std::string("\"") + name + "\" is not a list");
  for (const json& item : list) {
    if (!item.is_string()) fail(std::string("\"") + name + "\" is not a list of names");
    result.push_back(item.get<std::string>());
  }
  return result;
}

std::vector<Index> ReferenceFile::indices(const char* name) const {
  std::vector<Index> result;
  const json& list = field(name);
  if (!list.is_array()) fail(std::string("\"") + name + "\" is not a list");
  for (const json& item : list) {
    if (!item.is_number_integer()) fail(std::string("\"") + name + "\" is not a list of indices");
    result.push_back(item.get<Index>());
  }
  return result;
}

std::vector<std::pair<std::string, std::vector<std::string>>> ReferenceFile::groups(
    const char* name) const {
  std::vector<std::pair<std::string, std::vector<std::string>>> result;
  const json& all = field(name);
  if (!all.is_object()) fail(std::string("\"") + name + "\" is not an object of groups");
  for (const auto& [key, value] : all.items()) {
    std::vector<std::string> members;
    if (!value.is_array()) fail(std::string("\"") + name + "\" is not an object of lists");
    for (const json& member : value) {
      if (!member.is_string())
        fail(std::string("\"") + name + "\" holds something else than names");
      members.push_back(member.get<std::string>());
    }
    result.emplace_back(key, std::move(members));
  }
  return result;
}

}  // namespace clipscope
