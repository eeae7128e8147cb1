// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/clipping/norm_table.h"
#include "engine/tensor/aligned_vector.h"
#include "engine/training/batch_probe.h"

namespace clipscope {

/// Examples that a Gram matrix is built from at most; of a larger batch, a seeded subset.
inline constexpr Index gramLimit = 1024;

/// The Gram matrices of one batch, K_p = ⟨g_ip, g_jp⟩ for every trainable tensor p, and the
/// projections ⟨z_p, g_ip⟩ on the step's noise draw: with them every sum Σ_i w_i g_i has a length,
/// an angle to another and a share of the noise that are quadratic forms, with no gradient at hand.
///
/// Kept as norms in double and cosines in float, K_ij = n_i n_j c_ij: the error of an entry is at
/// most 1e-5 of √(K_ii K_jj) for norms from 1e-30 to 1e30 (a gradient shorter than 1e-36 counts as
/// 0). z is the step's standard normal draw, the same whatever std a strategy scales it by.
///
/// Cost: one forward and backward pass; outer products (Linear: c = (X̂X̂ᵀ)∘(Δ̂Δ̂ᵀ), X̂ and Δ̂ with
/// rows of length 1) need no gradient formed; the others are formed a few columns at a time, so
/// that at most `workspaceBytes` hold them, and the batch is passed through once for each such
/// part. The result takes 4·size²·tensors bytes.
class BatchGram {
 public:
  static constexpr Index workspaceBytes = Index{256} << 20;

  /// Passes the probe's batch through the model in the blocks that training uses. Enters parallel
  /// regions: on the worker's thread. Throws Cancelled between blocks and products on request.
  static std::shared_ptr<const BatchGram> build(const BatchProbe& probe, std::stop_token stop = {},
                                                Index limit = gramLimit,
                                                Index workspace = workspaceBytes);

  Index batchSize() const { return m_norms.examples(); }            ///< b, the size drawn
  Index size() const { return static_cast<Index>(m_rows.size()); }  ///< examples in the matrices
  bool isSubset() const { return size() < batchSize(); }
  Index tensors() const { return m_norms.tensors(); }
  /// The batch's rows that the matrices' rows stand for, ascending; all of them unless isSubset().
  const std::vector<Index>& rows() const { return m_rows; }

  /// n_ip of the whole batch, equal to the step's.
  const NormTable& norms() const { return m_norms; }
  /// c_ij of a tensor, size × size, symmetric, row-major; rows of 0 for gradients of 0 and for
  /// examples that are not finite, 1 on the diagonal of all others.
  std::span<const float> cosines(Index tensor) const {
    return m_cosines[static_cast<std::size_t>(tensor)];
  }
  /// ⟨g_ip, g_jp⟩ of matrix rows i, j.
  double product(Index i, Index j, Index tensor) const;
  /// ⟨z_p, g_ip⟩ of matrix row i.
  double noiseProduct(Index i, Index tensor) const;
  /// ⟨z_p, g_ip⟩/n_ip: a standard normal number for a gradient that knows nothing of z.
  double noiseProjection(Index i, Index tensor) const {
    return m_projections[static_cast<std::size_t>(i * tensors() + tensor)];
  }
  /// ‖z_p‖²
  double noiseSquare(Index tensor) const { return m_noise[static_cast<std::size_t>(tensor)]; }

 private:
  friend class GramBuilder;
  BatchGram() = default;

  NormTable m_norms;
  std::vector<Index> m_rows;
  std::vector<AlignedVector<float>> m_cosines;
  std::vector<double> m_projections;  ///< size × tensors
  std::vector<double> m_noise;        ///< by tensor
};

}  // namespace clipscope
