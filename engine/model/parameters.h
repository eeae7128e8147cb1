// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/tensor/aligned_vector.h"
#include "engine/tensor/shape.h"

namespace clipscope {

/// Numbers a parameter tensor in its ParameterTable. An id may occur in several layers: shared
/// weights.
using ParameterId = int;

/// How a tensor is filled before training; PyTorch's defaults.
struct Initialisation {
  enum class Kind { Uniform, Zeros, Ones };
  Kind kind = Kind::Zeros;
  double bound = 0;  ///< Uniform draws from [−bound, bound); 1/√fan_in for weight and bias alike
};

/// One parameter tensor as a model declares it.
struct ParameterInfo {
  std::string name;   ///< "conv1.weight"
  std::string layer;  ///< "conv1": what precedes the last dot
  Shape shape;        ///< PyTorch's: Linear {out, in}, Conv2d {out, in/groups, kh, kw}
  Initialisation initialisation;
  bool trainable = true;
  Index offset = 0;           ///< first value in the flat buffer, a multiple of 16
  Index trainableIndex = -1;  ///< position among the trainable tensors; −1 for a frozen one
  int uses = 1;               ///< how many layers read it; above 1 its norm has cross terms

  Index size() const { return shape.size(); }
};

/// The parameter tensors of a model, and where each lies in one flat buffer. Trainable tensors come
/// first, in the order of declaration (PyTorch's optimiser order); each begins on a multiple of 16
/// floats, and the padding between them stays 0.
class ParameterTable {
 public:
  /// Declares a tensor; throws SpecError when the name is taken.
  ParameterId declare(std::string name, Shape shape, Initialisation initialisation, bool trainable);
  /// Counts one more use of a declared tensor.
  void addUse(ParameterId id) { ++m_infos[static_cast<std::size_t>(id)].uses; }
  /// Assigns offsets; called once, after the last declaration.
  void finish();

  Index count() const { return static_cast<Index>(m_infos.size()); }
  const ParameterInfo& operator[](ParameterId id) const {
    return m_infos[static_cast<std::size_t>(id)];
  }
  /// −1 when there is no such tensor.
  ParameterId find(const std::string& name) const;

  /// Ids of the trainable tensors, by trainable index.
  const std::vector<ParameterId>& trainable() const { return m_trainable; }
  Index trainableCount() const { return static_cast<Index>(m_trainable.size()); }
  const ParameterInfo& trainableInfo(Index trainableIndex) const {
    return (*this)[m_trainable[static_cast<std::size_t>(trainableIndex)]];
  }
  std::vector<std::string> trainableNames() const;

  /// d: the number of trainable values, without padding.
  Index dimension() const { return m_dimension; }
  /// Floats that the trainable tensors take in the flat buffer, padding included.
  Index trainableExtent() const { return m_trainableExtent; }
  /// Floats of the whole flat buffer.
  Index extent() const { return m_extent; }

 private:
  std::vector<ParameterInfo> m_infos;
  std::vector<ParameterId> m_trainable;
  Index m_dimension = 0;
  Index m_trainableExtent = 0;
  Index m_extent = 0;
};

/// A value for every parameter of a table.
class Parameters {
 public:
  Parameters() = default;
  explicit Parameters(std::shared_ptr<const ParameterTable> table);

  const ParameterTable& table() const { return *m_table; }
  std::span<float> operator[](ParameterId id);
  std::span<const float> operator[](ParameterId id) const;
  /// Everything, padding included; the trainable part is the front.
  std::span<float> flat() { return m_values; }
  std::span<const float> flat() const { return m_values; }
  std::span<float> trainable();
  std::span<const float> trainable() const;

  /// Draws every tensor from its Initialisation with DrawPurpose::Initialise, block = id: the same
  /// seed gives the same weights whatever else the model holds behind a tensor.
  void initialise(std::uint64_t seed);

 private:
  std::shared_ptr<const ParameterTable> m_table;
  AlignedVector<float> m_values;
};

/// One example's gradient, in double, over the trainable tensors. Layers add to it.
class GradientSet {
 public:
  explicit GradientSet(std::shared_ptr<const ParameterTable> table);

  void clear();
  /// The tensor's values, PyTorch's layout. The id must be trainable.
  std::span<double> operator[](ParameterId id);
  std::span<const double> operator[](ParameterId id) const;
  const ParameterTable& table() const { return *m_table; }
  /// ‖g‖₂ of one tensor.
  double norm(ParameterId id) const;

 private:
  std::shared_ptr<const ParameterTable> m_table;
  AlignedVector<double> m_values;
};

}  // namespace clipscope
