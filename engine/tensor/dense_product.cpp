// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/dense_product.h"

#include <algorithm>
#include <utility>

#include "engine/tensor/aligned_vector.h"

// Vectors are kept in arrays, so their size must be known to the compiler.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/dense_product.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vector = hn::Vec<Tag>;
constexpr int lanes = static_cast<int>(hn::MaxLanes(Tag()));
constexpr int registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 32 : 16;
/// Two vectors of columns at once: each broadcast then serves two products. With a register for
/// the broadcast and two for B's vectors, the others are sums.
constexpr int mostVectors = 2;
constexpr int mostCells = (registers - 1 - mostVectors) / mostVectors;

template <int vectors>
HWY_INLINE void load(const float* HWY_RESTRICT from, Index columns, Vector* v) {
  const Tag d;
  HWY_ALIGN float whole[vectors * lanes] = {};
  if (columns < vectors * lanes) {
    std::copy_n(from, columns, whole);
    from = whole;
  }
#pragma GCC unroll 2
  for (int i = 0; i < vectors; ++i) v[i] = hn::LoadU(d, from + i * lanes);
}

template <int vectors>
HWY_INLINE void store(const Vector* v, float* HWY_RESTRICT out, Index columns) {
  const Tag d;
  if (columns >= vectors * lanes) {
#pragma GCC unroll 2
    for (int i = 0; i < vectors; ++i) hn::StoreU(v[i], d, out + i * lanes);
    return;
  }
  HWY_ALIGN float whole[vectors * lanes];
  for (int i = 0; i < vectors; ++i) hn::Store(v[i], d, whole + i * lanes);
  std::copy_n(whole, columns, out);
}

/// `cells` rows times `vectors` vectors of columns, of which the first `columns` are C's. a, b,
/// bias and c begin at the tile. `adjacent`: the rows of A lie next to each other (aCell = 1).
template <int cells, int vectors, bool adjacent>
void tile(const DenseProduct& p, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
          const float* HWY_RESTRICT bias, float* HWY_RESTRICT c, Index columns) {
  const Tag d;
  Vector sums[cells][vectors];
  Vector start[vectors];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) start[v] = hn::Zero(d);
  if (bias && !p.biasByRow) load<vectors>(bias, columns, start);
#pragma GCC unroll 16
  for (int i = 0; i < cells; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[i][v] = start[v];
  if (bias && p.biasByRow) {
#pragma GCC unroll 16
    for (int i = 0; i < cells; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[i][v] = hn::Set(d, bias[i]);
  }
  if (p.adds) {
#pragma GCC unroll 16
    for (int i = 0; i < cells; ++i) load<vectors>(c + i * p.cStep, columns, sums[i]);
  }
  // One pointer for three rows: base, base + step and base + 2·step are addresses that an
  // instruction can form, and all rows' pointers would not fit into the registers.
  constexpr int bases = adjacent ? 1 : (cells + 2) / 3;
  const Index cell = p.aCell;
  const float* base[bases];
#pragma GCC unroll 16
  for (int k = 0; k < bases; ++k) base[k] = a + 3 * k * cell;
  for (Index j = 0; j < p.depth; ++j) {
    Vector factor[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) factor[v] = hn::LoadU(d, b + v * lanes);
    b += p.bStep;
#pragma GCC unroll 16
    for (int i = 0; i < cells; ++i) {
      const Vector x = hn::Set(d, adjacent ? base[0][i] : base[i / 3][(i % 3) * cell]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[i][v] = hn::MulAdd(x, factor[v], sums[i][v]);
    }
#pragma GCC unroll 16
    for (int k = 0; k < bases; ++k) base[k] += adjacent ? p.aStep : 1;
  }
  const Vector zero = hn::Zero(d);
#pragma GCC unroll 16
  for (int i = 0; i < cells; ++i) {
    if (p.relu) {
      // A selection, so that a NaN passes.
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v)
        sums[i][v] = hn::IfThenElse(hn::Lt(sums[i][v], zero), zero, sums[i][v]);
    }
    store<vectors>(sums[i], c + i * p.cStep, columns);
  }
}

/// Rows of a tile whose entries are sums of several chains.
constexpr int mostChainedCells = 3;

/// The same of a plain A·B + bias, each entry added up in mostChains chains.
template <int cells, int vectors>
void chainedTile(const DenseProduct& p, const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
                 const float* HWY_RESTRICT bias, float* HWY_RESTRICT c, Index columns) {
  constexpr int chains = DenseProduct::mostChains;
  const Tag d;
  Vector sums[chains][cells][vectors];
#pragma GCC unroll 4
  for (int k = 0; k < chains; ++k)
#pragma GCC unroll 4
    for (int i = 0; i < cells; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[k][i][v] = hn::Zero(d);
  const auto add = [&](int chain, Index j) HWY_ATTR {
#pragma GCC unroll 4
    for (int i = 0; i < cells; ++i) {
      const Vector x = hn::Set(d, a[i * p.aCell + j]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v)
        sums[chain][i][v] =
            hn::MulAdd(x, hn::LoadU(d, b + j * p.bStep + v * lanes), sums[chain][i][v]);
    }
  };
  const Index whole = p.depth / chains * chains;
  for (Index j = 0; j < whole; j += chains)
#pragma GCC unroll 4
    for (int k = 0; k < chains; ++k) add(k, j + k);
  for (Index j = whole; j < p.depth; ++j) add(0, j);
  Vector start[vectors];
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) start[v] = hn::Zero(d);
  if (bias) load<vectors>(bias, columns, start);
  const Vector zero = hn::Zero(d);
#pragma GCC unroll 4
  for (int i = 0; i < cells; ++i) {
    Vector total[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      total[v] = hn::Add(start[v], hn::Add(hn::Add(sums[0][i][v], sums[1][i][v]),
                                           hn::Add(sums[2][i][v], sums[3][i][v])));
      if (p.relu) total[v] = hn::IfThenElse(hn::Lt(total[v], zero), zero, total[v]);
    }
    store<vectors>(total, c + i * p.cStep, columns);
  }
}

using Tile = void (*)(const DenseProduct&, const float*, const float*, const float*, float*, Index);

template <int vectors, bool adjacent, int... cells>
Tile tileOf(Index count, std::integer_sequence<int, cells...>) {
  static constexpr Tile tiles[] = {tile<cells + 1, vectors, adjacent>...};
  return tiles[count - 1];
}

template <int vectors, int... cells>
Tile chainedTileOf(Index count, std::integer_sequence<int, cells...>) {
  static constexpr Tile tiles[] = {chainedTile<cells + 1, vectors>...};
  return tiles[count - 1];
}

template <int vectors>
void cellRange(const DenseProduct& p, Index first, Index last, const float* b, Index column) {
  const Index most = p.chains > 1 ? mostChainedCells : mostCells;
  const Index parts = (last - first + most - 1) / most;
  constexpr auto counts = std::make_integer_sequence<int, mostCells>();
  constexpr auto few = std::make_integer_sequence<int, mostChainedCells>();
  for (Index part = 0; part < parts; ++part) {
    const Index from = first + (last - first) * part / parts;
    const Index count = first + (last - first) * (part + 1) / parts - from;
    const Tile tile = p.chains > 1   ? chainedTileOf<vectors>(count, few)
                      : p.aCell == 1 ? tileOf<vectors, true>(count, counts)
                                     : tileOf<vectors, false>(count, counts);
    tile(p, p.a + from * p.aCell, b, p.bias ? p.bias + (p.biasByRow ? from : column) : nullptr,
         p.c + from * p.cStep + column, p.columns - column);
  }
}

template <int vectors>
void copyPanel(const float* HWY_RESTRICT b, Index step, Index depth, Index columns,
               float* HWY_RESTRICT out) {
  for (Index j = 0; j < depth; ++j, b += step, out += vectors * lanes) {
    Vector row[vectors];
    load<vectors>(b, columns, row);
    store<vectors>(row, out, vectors * lanes);
  }
}

#if HWY_TARGET != HWY_SCALAR
/// Four neighbouring values of each fourth row, as many as a vector has blocks of four lanes.
template <class D>
HWY_INLINE auto everyFourthRow(D d, const float* HWY_RESTRICT from, Index step) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    constexpr Index rows = static_cast<Index>(hn::MaxLanes(D())) / 2;
    return hn::Combine(d, everyFourthRow(half, from + rows * step, step),
                       everyFourthRow(half, from, step));
  }
}

/// `lanes` rows of four columns: out's rows of as many values are written as a whole.
HWY_INLINE void transposeFour(const float* HWY_RESTRICT from, Index inStep, float* HWY_RESTRICT to,
                              Index outStep) {
  const Tag d;
  const hn::RepartitionToWide<Tag> dw;
  const Vector v0 = everyFourthRow(d, from, inStep), v1 = everyFourthRow(d, from + inStep, inStep);
  const Vector v2 = everyFourthRow(d, from + 2 * inStep, inStep);
  const Vector v3 = everyFourthRow(d, from + 3 * inStep, inStep);
  const auto low0 = hn::BitCast(dw, hn::InterleaveLower(d, v0, v1));
  const auto low1 = hn::BitCast(dw, hn::InterleaveLower(d, v2, v3));
  const auto high0 = hn::BitCast(dw, hn::InterleaveUpper(d, v0, v1));
  const auto high1 = hn::BitCast(dw, hn::InterleaveUpper(d, v2, v3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dw, low0, low1)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dw, low0, low1)), d, to + outStep);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dw, high0, high1)), d, to + 2 * outStep);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dw, high0, high1)), d, to + 3 * outStep);
}
#endif

/// out[c·outStep + r] = in[r·inStep + c] for r < rows, c < columns.
void transposeKernel(const float* HWY_RESTRICT in, Index inStep, Index rows, Index columns,
                     float* HWY_RESTRICT out, Index outStep) {
  Index r = 0;
#if HWY_TARGET != HWY_SCALAR
  // Some cache lines of each row at a time: the rows are far apart, and so are those of the output.
  constexpr Index stretch = 64;
  const Index whole = rows / lanes * lanes;
  Index c = 0;
  for (; c + 4 <= columns; c += stretch) {
    const Index end = std::min(c + stretch, columns / 4 * 4);
    for (r = 0; r < whole; r += lanes)
      for (Index k = c; k < end; k += 4)
        transposeFour(in + r * inStep + k, inStep, out + k * outStep + r, outStep);
  }
  for (c = columns / 4 * 4; c < columns; ++c)
    for (r = 0; r < whole; ++r) out[c * outStep + r] = in[r * inStep + c];
  r = whole;
#endif
  for (; r < rows; ++r)
    for (Index k = 0; k < columns; ++k) out[k * outStep + r] = in[r * inStep + k];
}

/// Rows from which on a panel of a plain B is copied before it is read: its rows then lie together,
/// and what is behind the last column is 0.
constexpr Index copyRows = 8 * mostCells;

/// Columns from … to of the rows first … last; `from` is a multiple of productPanel.
void productKernel(const DenseProduct& p, Index first, Index last, Index from, Index to) {
  thread_local AlignedVector<float> copy;
  for (Index column = from; column < to;) {
    const float* b = p.b + column / productPanel * p.bPanel + column % productPanel;
    const int vectors = to - column > lanes ? 2 : 1;
    const Index width = vectors * lanes, inside = std::min(width, p.columns - column);
    DenseProduct read = p;
    if (p.bTurned) {
      read.bStep = width;
      copy.resize(std::max(copy.size(), static_cast<std::size_t>(p.depth * width)), 0.0f);
      transposeKernel(p.b + column * p.bStep, p.bStep, inside, p.depth, copy.data(), width);
      for (Index j = 0; inside < width && j < p.depth; ++j)
        std::fill(copy.data() + j * width + inside, copy.data() + (j + 1) * width, 0.0f);
      b = copy.data();
    } else if (p.bPanel == productPanel && (inside < width || last - first >= copyRows)) {
      read.bStep = width;
      copy.resize(std::max(copy.size(), static_cast<std::size_t>(p.depth * width)), 0.0f);
      if (vectors == 2)
        copyPanel<2>(b, p.bStep, p.depth, inside, copy.data());
      else
        copyPanel<1>(b, p.bStep, p.depth, inside, copy.data());
      b = copy.data();
    }
    if (vectors == 2)
      cellRange<2>(read, first, last, b, column);
    else
      cellRange<1>(read, first, last, b, column);
    column += width;
  }
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "engine/tensor/parallel.h"

namespace clipscope {

HWY_EXPORT(productKernel);
HWY_EXPORT(transposeKernel);

void multiply(const DenseProduct& p) {
  const Index work = p.cells * p.columns * p.depth / 8;
  // A turned B's panels are turned by the thread that multiplies them, and by no other.
  if (p.columns >= p.cells || p.bTurned) {
    const Index panels = (p.columns + productPanel - 1) / productPanel;
    parallelRanges(panels, work, [&](Index from, Index to) {
      HWY_DYNAMIC_DISPATCH(productKernel)
      (p, 0, p.cells, from * productPanel, std::min(p.columns, to * productPanel));
    });
  } else {
    parallelRanges(p.cells, work, [&](Index first, Index last) {
      HWY_DYNAMIC_DISPATCH(productKernel)(p, first, last, 0, p.columns);
    });
  }
}

namespace {
/// Turning a value over takes as long as some eight multiplications of a product.
constexpr Index turningWork = 8;
}  // namespace

Index packedColumns(Index columns, Index depth) {
  const Index step = packedStep(columns);
  return (columns + step - 1) / step * step * depth;
}

void packColumns(const float* w, Index columns, Index depth, float* packed) {
  // Stretches of each panel, so that one panel is work for all threads too.
  constexpr Index stretch = 128;
  const Index step = packedStep(columns);
  const Index panels = (columns + step - 1) / step;
  const Index stretches = (depth + stretch - 1) / stretch;
  parallelRanges(panels * stretches, turningWork * columns * depth, [&](Index first, Index last) {
    for (Index k = first; k < last; ++k) {
      const Index panel = k / stretches, from = k % stretches * stretch;
      const Index rows = std::min(stretch, depth - from);
      const Index inside = std::min(step, columns - panel * step);
      float* out = packed + (panel * depth + from) * step;
      HWY_DYNAMIC_DISPATCH(transposeKernel)
      (w + panel * step * depth + from, depth, inside, rows, out, step);
      for (Index j = 0; inside < step && j < rows; ++j)
        std::fill(out + j * step + inside, out + (j + 1) * step, 0.0f);
    }
  });
}

void transpose(const float* in, Index rows, Index columns, float* out) {
  // Bands of whole cache lines of the output.
  constexpr Index band = 16;
  parallelRanges((columns + band - 1) / band, turningWork * rows * columns,
                 [&](Index first, Index last) {
                   for (Index b = first; b < last; ++b) HWY_DYNAMIC_DISPATCH(transposeKernel)
                   (in + b * band, columns, rows, std::min(band, columns - b * band),
                    out + b * band * rows, rows);
                 });
}

}  // namespace clipscope

#endif  // HWY_ONCE
