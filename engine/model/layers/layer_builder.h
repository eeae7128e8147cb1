// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/layer.h"

namespace clipscope {

struct LayerKind;

/// What a layer needs to be made from its JSON: the fields, its input, and where its parameters are
/// declared. A second use of the same weights gets the first use's ids instead of new ones.
///
/// A field that is left out has the default of the kind's LayerField; where that follows from the
/// input, the caller gives it. SpecError names the field, what it got and what it takes.
class LayerBuilder {
 public:
  LayerBuilder(const LayerKind& kind, const nlohmann::json& fields, Shape input, std::string name,
               std::shared_ptr<ParameterTable> table,
               std::function<bool(const std::string&)> frozen,
               const std::vector<ParameterId>* reused);

  const Shape& input() const { return m_input; }
  std::shared_ptr<const ParameterTable> table() const { return m_table; }

  Index whole(const char* field) const;
  Index whole(const char* field, Index derived) const;
  double real(const char* field) const;
  bool flag(const char* field) const;
  /// A number, or [height, width].
  std::array<Index, 2> pair(const char* field) const;
  std::array<Index, 2> pair(const char* field, const std::array<Index, 2>& derived) const;
  Shape extents(const char* field, const Shape& derived) const;

  /// Declares the tensor "<layer>.<part>", or takes the reused id. Throws SpecError for more values
  /// than a model may have.
  ParameterId parameter(const std::string& part, Shape shape, Initialisation initialisation);
  const std::vector<ParameterId>& declared() const { return m_declared; }

 private:
  /// The value given, or the default; throws where there is neither.
  const nlohmann::json& value(const char* field) const;
  bool has(const char* field) const { return m_fields.contains(field); }

  const LayerKind& m_kind;
  const nlohmann::json& m_fields;
  Shape m_input;
  std::string m_name;
  std::shared_ptr<ParameterTable> m_table;
  std::function<bool(const std::string&)> m_frozen;
  const std::vector<ParameterId>* m_reused;
  std::vector<ParameterId> m_declared;
};

}  // namespace clipscope
