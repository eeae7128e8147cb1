// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// A tensor laid out as a table of cells to be painted: a vector as a strip, a matrix as itself
/// (outputs down), a convolution's weight as a grid of its kernels with gaps between: outputs down
/// and inputs across, or, with one input, as nearly square as it goes.
struct TensorCells {
  Index rows = 0, columns = 0;
  std::vector<Index> source;  ///< by cell, row-major: position in the tensor, −1 for a gap

  bool isStrip() const { return rows == 1; }
  Index at(Index row, Index column) const {
    return source[static_cast<std::size_t>(row * columns + column)];
  }
};

TensorCells makeTensorCells(const Shape& shape);

/// The same table in at most `rows` × `columns` cells: of the cells that fall into one, the value
/// of largest magnitude stands for all (NaN, and then infinity, count as larger than any number),
/// so that no outlier is lost. The cell's tensor position, −1 where there are gaps only.
TensorCells reduceCells(const TensorCells& cells, std::span<const double> values, Index rows,
                        Index columns);

/// max |v| over the finite values; 0 for none.
double largestMagnitude(std::span<const double> values);

}  // namespace clipscope
