// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include "engine/training/what_if/batch_gram.h"

namespace clipscope {

/// Builds a BatchGram: which tensors have their products from factors and which are formed, in how
/// many passes over the batch, and the products.
class GramBuilder {
 public:
  GramBuilder(const BatchProbe& probe, std::stop_token stop, Index limit, Index workspace);

  std::shared_ptr<const BatchGram> build();

 private:
  /// A layer's outer products: rows of length 1 of its factors. Either tensor may be −1.
  struct Outer {
    Index product = -1;  ///< tensor left ⊗ right
    Index plain = -1;    ///< tensor left
    Index leftWidth = 0, rightWidth = 0;
    AlignedVector<float> left, right;
  };
  /// Columns of one formed tensor's packed gradient, and where they stand in the workspace.
  struct Piece {
    Index tensor, from, width, column;
  };

  void chooseRows(Index limit);
  void chooseForms();
  void planPasses(Index workspace);
  void packNoise();
  void runPass(bool first);
  void runBlock(BlockCache& cache, SumSet& sums, Index block, bool first);
  void keepNorms(BlockCache& cache, Index firstRow);
  void keepFactors(const BlockCache& cache, Index firstRow);
  void keepFormed(BlockCache& cache, SumSet& sums, Index firstRow);
  void multiplyOuter(Outer& outer);
  void multiplyFormed();
  void finish(Index tensor);
  /// out += G Gᵀ, upper panels only; G is size × width with rows `stride` apart.
  void addProducts(const float* g, Index stride, Index width, float* out) const;
  void checkStop() const;
  double norm(Index slot, Index tensor) const;

  const BatchProbe& m_probe;
  const Model& m_model;
  std::stop_token m_stop;
  std::shared_ptr<BatchGram> m_gram;
  Index m_size = 0, m_tensors = 0;
  std::vector<Index> m_slot;  ///< matrix row of a batch row, or −1
  PreparedParameters m_prepared;
  std::vector<bool> m_isOuter;
  std::vector<Outer> m_outers;
  std::vector<std::vector<Piece>> m_passes;
  std::vector<Piece> m_pieces;  ///< of the pass under way
  Index m_width = 0;            ///< columns of the workspace in use
  Index m_oneHot = 1;           ///< examples formed at a time
  AlignedVector<float> m_formed;
  std::vector<AlignedVector<float>> m_noise;  ///< z by tensor, in the layout of its products
};

}  // namespace clipscope
