// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/tensor/shape.h"

namespace clipscope {

/// Columns of B that lie together where B is packed; the last panel is filled up with zeros. The
/// same on every vector unit.
inline constexpr Index productPanel = 32;

/// C = A·B + bias, or C += A·B, in single precision; C has `cells` rows and `columns` columns.
/// Entry (i, j) of A is a[i·aCell + j·aStep], for i < cells and j < depth; one of the two steps is
/// 1. Entry (j, o) of B is b[(o / productPanel)·bPanel + j·bStep + o % productPanel]: bPanel =
/// productPanel and bStep = columns for a plain matrix. C's row i begins at c + i·cStep.
struct DenseProduct {
  Index cells = 0, columns = 0, depth = 0;
  const float* a = nullptr;
  Index aCell = 0, aStep = 0;
  const float* b = nullptr;
  Index bPanel = productPanel, bStep = 0;
  /// Entry (j, o) of B is b[o·bStep + j] instead: each panel is turned over before it is read.
  bool bTurned = false;
  float* c = nullptr;
  Index cStep = 0;
  const float* bias = nullptr;  ///< by column; may be null; not with `adds`
  bool biasByRow = false;
  bool relu = false;  ///< what is below 0 becomes 0
  bool adds = false;  ///< C is added to
  /// Sums that an entry is added up in, 1 or mostChains; the latter not with `adds`, `biasByRow`,
  /// or aStep other than 1. Each addition of a chain waits for the one before, so that one chain an
  /// entry is slow where there are fewEntries or less.
  Index chains = 1;
  static constexpr Index mostChains = 4;
  static constexpr Index fewEntries = 64;
};

/// Register tiles, on the pool's threads, or on the calling one inside a parallel region. Every
/// entry is one chain of multiply-adds in the order of j (of `chains`, each takes every so many
/// j): its bits depend neither on the threads nor on how many rows and columns there are.
void multiply(const DenseProduct& product);

/// What packColumns() puts next to each other: a panel, or half of one where that is enough.
inline Index packedStep(Index columns) {
  return columns <= productPanel / 2 ? productPanel / 2 : productPanel;
}
/// Floats of packColumns()'s result.
Index packedColumns(Index columns, Index depth);
/// The transpose of w {columns, depth} as a packed B: bPanel = depth·productPanel, bStep =
/// packedStep(columns). On the pool's threads.
void packColumns(const float* w, Index columns, Index depth, float* packed);
/// out {columns, rows} = in {rows, columns}ᵀ. On the pool's threads.
void transpose(const float* in, Index rows, Index columns, float* out);

}  // namespace clipscope
