// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/parameters.h"

#include <cmath>

#include "engine/error.h"
#include "engine/tensor/philox.h"
#include "engine/tensor/vector_kernels.h"

namespace clipscope {

namespace {
Index padded(Index size) { return (size + 15) / 16 * 16; }
}  // namespace

ParameterId ParameterTable::declare(std::string name, Shape shape, Initialisation initialisation,
                                    bool trainable) {
  if (find(name) >= 0)
    throw SpecError("model: two layers are called \"" + name.substr(0, name.rfind('.')) +
                    "\"; give each layer its own name, or use {\"type\": \"reuse\"}");
  ParameterInfo info;
  info.layer = name.substr(0, name.rfind('.'));
  info.name = std::move(name);
  info.shape = std::move(shape);
  info.initialisation = initialisation;
  info.trainable = trainable;
  m_infos.push_back(std::move(info));
  return static_cast<ParameterId>(m_infos.size()) - 1;
}

void ParameterTable::finish() {
  m_trainable.clear();
  m_dimension = 0;
  m_extent = 0;
  for (const bool trainable : {true, false}) {
    for (std::size_t i = 0; i < m_infos.size(); ++i) {
      ParameterInfo& info = m_infos[i];
      if (info.trainable != trainable) continue;
      info.offset = m_extent;
      m_extent += padded(info.size());
      if (!trainable) continue;
      info.trainableIndex = trainableCount();
      m_trainable.push_back(static_cast<ParameterId>(i));
      m_dimension += info.size();
    }
    if (trainable) m_trainableExtent = m_extent;
  }
}

ParameterId ParameterTable::find(const std::string& name) const {
  for (std::size_t i = 0; i < m_infos.size(); ++i)
    if (m_infos[i].name == name) return static_cast<ParameterId>(i);
  return -1;
}

std::vector<std::string> ParameterTable::trainableNames() const {
  std::vector<std::string> names;
  for (const ParameterId id : m_trainable) names.push_back((*this)[id].name);
  return names;
}

Parameters::Parameters(std::shared_ptr<const ParameterTable> table)
    : m_table(std::move(table)), m_values(static_cast<std::size_t>(m_table->extent()), 0.0f) {}

std::span<float> Parameters::operator[](ParameterId id) {
  const ParameterInfo& info = (*m_table)[id];
  return {m_values.data() + info.offset, static_cast<std::size_t>(info.size())};
}

std::span<const float> Parameters::operator[](ParameterId id) const {
  const ParameterInfo& info = (*m_table)[id];
  return {m_values.data() + info.offset, static_cast<std::size_t>(info.size())};
}

std::span<float> Parameters::trainable() {
  return {m_values.data(), static_cast<std::size_t>(m_table->trainableExtent())};
}

std::span<const float> Parameters::trainable() const {
  return {m_values.data(), static_cast<std::size_t>(m_table->trainableExtent())};
}

void Parameters::initialise(std::uint64_t seed) {
  for (ParameterId id = 0; id < static_cast<ParameterId>(m_table->count()); ++id) {
    const Initialisation& rule = (*m_table)[id].initialisation;
    RandomStream stream({seed, DrawPurpose::Initialise, 0, static_cast<std::uint32_t>(id)});
    for (float& value : (*this)[id]) {
      switch (rule.kind) {
        case Initialisation::Kind::Uniform:
          value = static_cast<float>(stream.uniform(-rule.bound, rule.bound));
          break;
        case Initialisation::Kind::Zeros:
          value = 0.0f;
          break;
        case Initialisation::Kind::Ones:
          value = 1.0f;
          break;
      }
    }
  }
}

GradientSet::GradientSet(std::shared_ptr<const ParameterTable> table)
    : m_table(std::move(table)), m_values(static_cast<std::size_t>(m_table->trainableExtent())) {}

void GradientSet::clear() { m_values.assign(m_values.size(), 0.0); }

std::span<double> GradientSet::operator[](ParameterId id) {
  const ParameterInfo& info = (*m_table)[id];
  return {m_values.data() + info.offset, static_cast<std::size_t>(info.size())};
}

std::span<const double> GradientSet::operator[](ParameterId id) const {
  const ParameterInfo& info = (*m_table)[id];
  return {m_values.data() + info.offset, static_cast<std::size_t>(info.size())};
}

double GradientSet::norm(ParameterId id) const {
  double sum = 0;
  for (const double value : (*this)[id]) sum += value * value;
  return std::sqrt(sum);
}

}  // namespace clipscope
