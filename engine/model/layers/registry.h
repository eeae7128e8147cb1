// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/model/layer.h"

namespace clipscope {

/// What a layer needs to be made from its JSON: the fields, its input, and where its parameters are
/// declared. A second use of the same weights gets the first use's ids instead of new ones.
class LayerBuilder {
 public:
  LayerBuilder(const nlohmann::json& fields, Shape input, std::string name,
               std::shared_ptr<ParameterTable> table,
               std::function<bool(const std::string&)> frozen,
               const std::vector<ParameterId>* reused)
      : m_fields(fields),
        m_input(std::move(input)),
        m_name(std::move(name)),
        m_table(std::move(table)),
        m_frozen(std::move(frozen)),
        m_reused(reused) {}

  const Shape& input() const { return m_input; }
  std::shared_ptr<const ParameterTable> table() const { return m_table; }

  /// Fields; SpecError names the field, what it got and what it takes.
  Index integer(const char* field, Index fallback, Index least) const;
  Index requiredInteger(const char* field, Index least) const;
  double positive(const char* field, double fallback) const;
  bool boolean(const char* field, bool fallback) const;
  /// A number, or [height, width].
  std::array<Index, 2> pair(const char* field, std::array<Index, 2> fallback, Index least) const;
  Shape shape(const char* field, const Shape& fallback) const;
  bool has(const char* field) const { return m_fields.contains(field); }

  /// Declares the tensor "<layer>.<part>", or takes the reused id.
  ParameterId parameter(const std::string& part, Shape shape, Initialisation initialisation);
  const std::vector<ParameterId>& declared() const { return m_declared; }

 private:
  const nlohmann::json& m_fields;
  Shape m_input;
  std::string m_name;
  std::shared_ptr<ParameterTable> m_table;
  std::function<bool(const std::string&)> m_frozen;
  const std::vector<ParameterId>* m_reused;
  std::vector<ParameterId> m_declared;
};

/// One entry of the registry.
struct LayerKind {
  std::string type;                 ///< in JSON
  std::string prefix;               ///< of automatic names: "conv" gives conv1, conv2, …
  std::vector<std::string> fields;  ///< allowed besides "type" and "name"
  std::function<std::unique_ptr<Layer>(LayerBuilder&)> build;
};

/// Every layer type that a model may use.
const std::vector<LayerKind>& layerKinds();

/// Throws SpecError for an unknown type, listing the known ones; for batch normalisation it says
/// why DP-SGD cannot have it and what to use instead. UnsupportedError for a type that is known
/// from the reference files and not built here.
const LayerKind& layerKind(const std::string& type);

}  // namespace clipscope
