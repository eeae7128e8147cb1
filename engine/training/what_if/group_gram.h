// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/clipping/grouping.h"
#include "engine/training/what_if/batch_gram.h"

namespace clipscope {

/// The Gram matrix of one clipping group, summed over its tensors once: n_ik and
/// c_ij = Σ_p n_ip n_jp c_pij / (n_ik n_jk). Sums are written by the lengths that the examples'
/// gradients are left with: s = Σ (w_i/n_i) g_i.
///
/// Of a subset of m of b rows, the squares of sums over the whole batch are estimated: the diagonal
/// is known exactly, products of two different examples are scaled by b(b−1)/(m(m−1)), which is
/// unbiased over the choice of the subset.
class GroupGram {
 public:
  /// Refers to the BatchGram, which must outlive it. A group of one tensor takes no memory.
  GroupGram(const BatchGram& gram, const ClippingGroup& group);

  /// n_ik by row of the batch; 0 for an example that is not finite.
  const std::vector<double>& norms() const { return m_norms; }
  /// ‖Σ g_i‖²
  double unclippedSquare() const { return m_unclippedSquare; }
  /// ‖Σ (w_i/n_i) g_i‖² for lengths w by row of the batch, never negative. Reads half the matrix.
  double square(std::span<const double> lengths) const;
  /// ⟨Σ (w_i/n_i) g_i, Σ g_i⟩, from products with Σ g_i that are made once.
  double withUnclipped(std::span<const double> lengths) const;
  /// ⟨g_i, Σ_j g_j⟩/n_i of a row of the batch; what is known of it for a row outside a subset.
  double alongUnclipped(Index row) const;

  /// Row of the matrix for a row of the batch, or −1; the matrix row; the factor for products of
  /// two different examples.
  Index slot(Index row) const { return m_slots[static_cast<std::size_t>(row)]; }
  std::span<const float> cosines(Index slot) const {
    return m_cosines.subspan(static_cast<std::size_t>(slot * m_gram.size()),
                             static_cast<std::size_t>(m_gram.size()));
  }
  double pairScale() const { return m_pairScale; }

 private:
  void sumTensors(const ClippingGroup& group);

  const BatchGram& m_gram;
  std::vector<double> m_norms;
  std::vector<Index> m_slots;
  AlignedVector<float> m_own;        ///< empty for a group of one tensor
  std::span<const float> m_cosines;  ///< m_own, or the tensor's
  std::vector<double> m_unclipped;   ///< Σ_{j≠i} c_ij n_j by matrix row
  double m_unclippedSquare = 0;
  double m_pairScale = 1;
};

}  // namespace clipscope
