// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// n_ip = ‖∂L_i/∂θ_p‖₂: norms (not squares) of every example's gradient, by parameter tensor, in
/// double. Examples × tensors, row-major.
class NormTable {
 public:
  /// Keeps its memory when it shrinks. Values are undefined until written.
  void resize(Index examples, Index tensors);

  Index examples() const { return m_examples; }
  Index tensors() const { return m_tensors; }
  double at(Index example, Index tensor) const {
    return m_values[static_cast<std::size_t>(example * m_tensors + tensor)];
  }
  double& at(Index example, Index tensor) {
    return m_values[static_cast<std::size_t>(example * m_tensors + tensor)];
  }
  std::span<const double> row(Index example) const {
    return values().subspan(static_cast<std::size_t>(example * m_tensors),
                            static_cast<std::size_t>(m_tensors));
  }
  std::span<const double> values() const {
    return {m_values.data(), static_cast<std::size_t>(m_examples * m_tensors)};
  }
  std::span<double> values() {
    return {m_values.data(), static_cast<std::size_t>(m_examples * m_tensors)};
  }
  /// n_i = √Σ_p n_ip²; not finite where any tensor's norm is not.
  double globalNorm(Index example) const;

 private:
  Index m_examples = 0;
  Index m_tensors = 0;
  std::vector<double> m_values;
};

/// √Σ n² without overflow or underflow of the squares: right for every finite n, NaN or ∞ where a
/// norm is.
double combinedNorm(std::span<const double> norms);

}  // namespace clipscope
