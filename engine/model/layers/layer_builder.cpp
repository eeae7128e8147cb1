// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/layers/layer_builder.h"

#include <cmath>

#include "engine/error.h"
#include "engine/formats/shortened.h"
#include "engine/model/layers/registry.h"

namespace clipscope {

using nlohmann::json;

namespace {

/// The ceilings keep products of extents inside 64 bits.
constexpr double mostWhole = 16777216;
constexpr double mostOfPair = 65536;
constexpr double mostExtent = 1e6;
constexpr std::size_t mostExtents = 3;
/// A tensor larger than this is refused before anything is allocated for it.
constexpr Index mostParameters = Index{1} << 30;

[[noreturn]] void refuse(const LayerField& field, const json& value) {
  throw SpecError("\"" + field.name + "\" is " + shortened(value.dump(), 60) + " and must be " +
                  field.takes());
}

bool isWhole(const json& value, double least, double most) {
  return value.is_number_integer() && value.get<double>() >= least && value.get<double>() <= most;
}

Index wholeOf(const LayerField& field, const json& value) {
  if (!isWhole(value, static_cast<double>(field.least), mostWhole)) refuse(field, value);
  return value.get<Index>();
}

std::array<Index, 2> pairOf(const LayerField& field, const json& value) {
  const auto acceptable = [&](const json& v) {
    return isWhole(v, static_cast<double>(field.least), mostOfPair);
  };
  if (acceptable(value)) return {value.get<Index>(), value.get<Index>()};
  if (value.is_array() && value.size() == 2 && acceptable(value[0]) && acceptable(value[1]))
    return {value[0].get<Index>(), value[1].get<Index>()};
  refuse(field, value);
}

}  // namespace

LayerBuilder::LayerBuilder(const LayerKind& kind, const json& fields, Shape input, std::string name,
                           std::shared_ptr<ParameterTable> table,
                           std::function<bool(const std::string&)> frozen,
                           const std::vector<ParameterId>* reused)
    : m_kind(kind),
      m_fields(fields),
      m_input(std::move(input)),
      m_name(std::move(name)),
      m_table(std::move(table)),
      m_frozen(std::move(frozen)),
      m_reused(reused) {}

const json& LayerBuilder::value(const char* field) const {
  if (has(field)) return m_fields.at(field);
  const LayerField& description = m_kind.field(field);
  if (description.required())
    throw SpecError("needs \"" + description.name + "\", " + description.takes());
  return description.fallback;
}

Index LayerBuilder::whole(const char* field) const {
  return wholeOf(m_kind.field(field), value(field));
}

Index LayerBuilder::whole(const char* field, Index derived) const {
  return has(field) ? whole(field) : derived;
}

double LayerBuilder::real(const char* field) const {
  const LayerField& description = m_kind.field(field);
  const json& given = value(field);
  const bool positive = description.type == LayerField::Type::Positive;
  if (!given.is_number() || !std::isfinite(given.get<double>()) ||
      (positive && !(given.get<double>() > 0)))
    refuse(description, given);
  return given.get<double>();
}

bool LayerBuilder::flag(const char* field) const {
  const json& given = value(field);
  if (!given.is_boolean()) refuse(m_kind.field(field), given);
  return given.get<bool>();
}

std::array<Index, 2> LayerBuilder::pair(const char* field) const {
  return pairOf(m_kind.field(field), value(field));
}

std::array<Index, 2> LayerBuilder::pair(const char* field,
                                        const std::array<Index, 2>& derived) const {
  return has(field) ? pair(field) : derived;
}

Shape LayerBuilder::extents(const char* field, const Shape& derived) const {
  if (!has(field)) return derived;
  const json& given = m_fields.at(field);
  std::vector<Index> extents;
  const json list = given.is_array() ? given : json::array({given});
  if (list.size() > mostExtents) refuse(m_kind.field(field), given);
  for (const json& extent : list) {
    if (!isWhole(extent, 1, mostExtent)) refuse(m_kind.field(field), given);
    extents.push_back(extent.get<Index>());
  }
  return Shape(std::move(extents));
}

ParameterId LayerBuilder::parameter(const std::string& part, Shape shape,
                                    Initialisation initialisation) {
  const std::string name = m_name + "." + part;
  Index size = 1;
  for (const Index extent : shape.extents()) {
    if (extent > mostParameters / size)
      throw SpecError("would have the parameter " + name + " of shape " + shape.toString() +
                      ", which is more than this program takes");
    size *= extent;
  }
  if (m_reused) {
    const ParameterId id = (*m_reused)[m_declared.size()];
    if ((*m_table)[id].shape != shape)
      throw SpecError("runs " + name + " again with shape " + shape.toString() + ", but it is " +
                      (*m_table)[id].shape.toString());
    m_table->addUse(id);
    m_declared.push_back(id);
    return id;
  }
  const ParameterId id = m_table->declare(name, std::move(shape), initialisation, !m_frozen(name));
  m_declared.push_back(id);
  return id;
}

}  // namespace clipscope
