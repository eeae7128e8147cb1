// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// A tensor of a reference file: {"dtype", "shape", "data"}, flat and row-major; non-finite values
/// are the texts "inf", "-inf", "nan".
struct ReferenceTensor {
  Shape shape;
  std::vector<double> data;

  Index rows() const { return shape.rank() == 0 ? 0 : shape[0]; }
  Index width() const { return rows() == 0 ? 0 : static_cast<Index>(data.size()) / rows(); }
  double at(Index row, Index column) const {
    return data[static_cast<std::size_t>(row * width() + column)];
  }
};

using ReferenceTensors = std::map<std::string, ReferenceTensor>;

/// A reference file's content, with errors that name the file and the field.
class ReferenceFile {
 public:
  explicit ReferenceFile(const std::filesystem::path& path);
  ReferenceFile(nlohmann::json content, std::string name)
      : m_content(std::move(content)), m_name(std::move(name)) {}

  const nlohmann::json& content() const { return m_content; }
  const std::string& name() const { return m_name; }
  bool has(const char* field) const { return m_content.contains(field); }
  const nlohmann::json& field(const char* name) const;
  ReferenceFile part(const nlohmann::json& value, const std::string& where) const {
    return {value, m_name + ", " + where};
  }

  ReferenceTensor tensor(const nlohmann::json& value, const std::string& what) const;
  ReferenceTensor tensor(const char* name) const { return tensor(field(name), name); }
  ReferenceTensors tensors(const char* name) const;
  /// Fails where the tensor does not have `size` values.
  void expectSize(const ReferenceTensor& tensor, Index size, const std::string& what) const;
  double number(const char* name) const;
  std::vector<std::string> names(const char* name) const;
  std::vector<Index> indices(const char* name) const;
  /// {group: [tensors]} in the file's order.
  std::vector<std::pair<std::string, std::vector<std::string>>> groups(const char* name) const;
  [[noreturn]] void fail(const std::string& why) const;

 private:
  nlohmann::json m_content;
  std::string m_name;
};

}  // namespace clipscope
