// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/tensor_cells.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace clipscope {

namespace {

TensorCells gridOfKernels(Index outputs, Index inputs, Index height, Index width) {
  Index down = outputs, across = inputs;
  if (inputs == 1) {
    across = static_cast<Index>(std::ceil(std::sqrt(static_cast<double>(outputs))));
    down = (outputs + across - 1) / across;
  }
  TensorCells cells;
  cells.rows = down * (height + 1) - 1;
  cells.columns = across * (width + 1) - 1;
  cells.source.assign(static_cast<std::size_t>(cells.rows * cells.columns), -1);
  for (Index kernel = 0; kernel < outputs * inputs; ++kernel) {
    const Index top = kernel / across * (height + 1), left = kernel % across * (width + 1);
    for (Index y = 0; y < height; ++y)
      for (Index x = 0; x < width; ++x)
        cells.source[static_cast<std::size_t>((top + y) * cells.columns + left + x)] =
            (kernel * height + y) * width + x;
  }
  return cells;
}

double weightOf(double value) {
  if (std::isnan(value)) return std::numeric_limits<double>::infinity();
  return std::min(std::abs(value), std::numeric_limits<double>::max());
}

}  // namespace

TensorCells makeTensorCells(const Shape& shape) {
  if (shape.rank() == 4) return gridOfKernels(shape[0], shape[1], shape[2], shape[3]);
  TensorCells cells;
  cells.rows = shape.rank() < 2 ? 1 : shape[0];
  cells.columns = cells.rows == 0 ? 0 : shape.size() / cells.rows;
  cells.source.resize(static_cast<std::size_t>(cells.rows * cells.columns));
  for (std::size_t k = 0; k < cells.source.size(); ++k) cells.source[k] = static_cast<Index>(k);
  return cells;
}

TensorCells reduceCells(const TensorCells& cells, std::span<const double> values, Index rows,
                        Index columns) {
  rows = std::clamp<Index>(rows, 1, std::max<Index>(1, cells.rows));
  columns = std::clamp<Index>(columns, 1, std::max<Index>(1, cells.columns));
  if (rows == cells.rows && columns == cells.columns) return cells;
  TensorCells reduced;
  reduced.rows = rows;
  reduced.columns = columns;
  reduced.source.assign(static_cast<std::size_t>(rows * columns), -1);
  for (Index y = 0; y < cells.rows; ++y)
    for (Index x = 0; x < cells.columns; ++x) {
      const Index position = cells.at(y, x);
      if (position < 0) continue;
      Index& kept = reduced.source[static_cast<std::size_t>(y * rows / cells.rows * columns +
                                                            x * columns / cells.columns)];
      if (kept < 0 || weightOf(values[static_cast<std::size_t>(position)]) >
                          weightOf(values[static_cast<std::size_t>(kept)]))
        kept = position;
    }
  return reduced;
}

double largestMagnitude(std::span<const double> values) {
  double most = 0;
  for (const double value : values)
    if (std::isfinite(value)) most = std::max(most, std::abs(value));
  return most;
}

}  // namespace clipscope
