// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/conv_kernels.h"

#include <algorithm>
#include <utility>

// Vectors are kept in arrays, so their size must be known to the compiler.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/conv_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, convPanel>;
using Vector = hn::Vec<Tag>;
constexpr int lanes = static_cast<int>(hn::MaxLanes(Tag()));
constexpr int vectorsPerPanel = static_cast<int>(convPanel) / lanes;
constexpr int registers = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 32 : 16;
/// Two panels at once where a panel is one register: each broadcast then serves two products.
constexpr int mostPanels = vectorsPerPanel == 1 ? 2 : 1;
/// Positions (or kernel cells) of a tile: with one register for the broadcast and one a vector of
/// the other factor, all registers are accumulators.
constexpr int mostCells = std::clamp(
    (registers - 1 - mostPanels * vectorsPerPanel) / (mostPanels * vectorsPerPanel), 1, 14);

/// `count` things in the fewest parts of at most `most`, as even as can be.
struct EvenParts {
  EvenParts(Index things, Index most) : count(things), parts((things + most - 1) / most) {}
  Index begin(Index part) const { return count * part / parts; }
  Index count, parts;
};

/// The whole number at or above a/b, for b > 0.
Index ceilDivide(Index a, Index b) { return a > 0 ? (a + b - 1) / b : a / b; }

/// Which kernel rows and run values of output position r, or which output positions of kernel row
/// s, read something else than padding: along one axis, position r reads the places r·stride + s.
struct AxisReach {
  Index stride, begin, end;  ///< the picture's places are begin … end − 1

  AxisReach(Index positions, Index cells, Index step, Index before, Index after)
      : stride(step), begin(before), end((positions - 1) * step + cells - after) {}
  /// Of `count` cells, the first and the end of those that any of the positions first … last reads
  /// inside the picture.
  std::pair<Index, Index> cells(Index first, Index last, Index count) const {
    const Index from = std::clamp(begin - last * stride, Index{0}, count);
    return {from, std::clamp(end - first * stride, from, count)};
  }
  /// Of `count` positions, the first and the end of those at which any of the cells first … last
  /// is inside the picture.
  std::pair<Index, Index> positions(Index first, Index last, Index count) const {
    const Index from = std::clamp(ceilDivide(begin - last, stride), Index{0}, count);
    return {from, std::clamp(ceilDivide(end - first, stride), from, count)};
  }
};

AxisReach rowReach(const ConvGeometry& g) {
  return {g.rows, g.segments, g.inRow / g.segmentStep, g.zerosTop, g.zerosBottom};
}

AxisReach columnReach(const ConvGeometry& g) {
  return {g.columns, g.run / g.column, g.inStep / g.column, g.zerosLeft, g.zerosRight};
}

/// What a forward tile reads: `segments` kernel rows; and of each run, the values that its first
/// and its last position find in the padding, at the run's beginning and at its end.
struct TileReach {
  Index segments, left, right;
};

template <int vectors>
HWY_INLINE void storePanels(const Vector* v, float* HWY_RESTRICT out, Index channels) {
  const Tag d;
  if (channels >= vectors * lanes) {
#pragma GCC unroll 16
    for (int i = 0; i < vectors; ++i) hn::StoreU(v[i], d, out + i * lanes);
    return;
  }
  HWY_ALIGN float whole[vectors * lanes];
  for (int i = 0; i < vectors; ++i) hn::Store(v[i], d, whole + i * lanes);
  std::copy_n(whole, channels, out);
}

/// `count` values of a run, for the positions from … to − 1 of each row.
template <int from, int to, int rows, int cells, int panels>
HWY_INLINE void addStretch(Index count, Index step, Index panelSize, const float* HWY_RESTRICT& w,
                           const float* (&base)[rows][(cells + 2) / 3],
                           Vector (&sums)[rows][cells][panels * vectorsPerPanel]) {
  constexpr int vectors = panels * vectorsPerPanel;
  const Tag d;
  for (Index j = 0; j < count; ++j) {
    Vector factor[vectors];
#pragma GCC unroll 16
    for (int v = 0; v < vectors; ++v)
      factor[v] =
          hn::LoadU(d, w + (v / vectorsPerPanel) * panelSize + (v % vectorsPerPanel) * lanes);
    w += convPanel;
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
      for (int c = from; c < to; ++c) {
        const Vector x = hn::Set(d, base[r][c / 3][(c % 3) * step]);
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) sums[r][c][v] = hn::MulAdd(x, factor[v], sums[r][c][v]);
      }
#pragma GCC unroll 16
      for (int b = 0; b < (cells + 2) / 3; ++b) ++base[r][b];
    }
  }
}

/// Pairs of a run's values, where a tile has one vector of channels: a value that is read serves
/// two positions, one's j and the j + inStep of the one before it, so that there are half as many
/// to read. Returns how many of `count` values it took; the rest do not come in pairs.
template <int rows, int cells>
HWY_INLINE Index addPairs(Index count, Index step, const float* HWY_RESTRICT& w,
                          const float* (&base)[rows][(cells + 2) / 3],
                          Vector (&sums)[rows][cells][1]) {
  const Tag d;
  constexpr int bases = (cells + 2) / 3;
  const Index pairs = count / (2 * step);
  for (Index pair = 0; pair < pairs; ++pair) {
    for (Index j = 0; j < step; ++j) {
      const Vector own = hn::LoadU(d, w), next = hn::LoadU(d, w + step * convPanel);
      w += convPanel;
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int c = 0; c <= cells; ++c) {
          const int b = std::min(c / 3, bases - 1);
          const Vector x = hn::Set(d, base[r][b][(c - 3 * b) * step]);
          if (c < cells) sums[r][c][0] = hn::MulAdd(x, own, sums[r][c][0]);
          if (c > 0) sums[r][c - 1][0] = hn::MulAdd(x, next, sums[r][c - 1][0]);
        }
#pragma GCC unroll 16
        for (int b = 0; b < bases; ++b) ++base[r][b];
      }
    }
    w += step * convPanel;
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 16
      for (int b = 0; b < bases; ++b) base[r][b] += step;
  }
  return pairs * 2 * step;
}

/// `cells` neighbouring positions of each of `rows` output rows, `panels` panels of channels.
template <int rows, int cells, int panels>
void forwardTile(const ConvGeometry& g, const TileReach& reach, const float* HWY_RESTRICT in,
                 const float* HWY_RESTRICT weights, const float* HWY_RESTRICT bias, bool relu,
                 float* HWY_RESTRICT out, Index channels) {
  constexpr int vectors = panels * vectorsPerPanel;
  const Tag d;
  const Index panelSize = g.segments * g.run * convPanel;
  Vector sums[rows][cells][vectors];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < cells; ++c)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v)
        sums[r][c][v] = bias ? hn::LoadU(d, bias + v * lanes) : hn::Zero(d);
  const Index step = g.inStep;
  for (Index s = 0; s < reach.segments; ++s) {
    // One pointer for three positions: base, base + step and base + 2·step are addresses that an
    // instruction can form, and all positions' pointers would not fit into the registers.
    const float* base[rows][(cells + 2) / 3];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 16
      for (int b = 0; b < (cells + 2) / 3; ++b)
        base[r][b] = in + r * g.inRow + s * g.segmentStep + 3 * b * step;
    const float* HWY_RESTRICT w = weights + s * g.run * convPanel;
    addStretch<1, cells, rows, cells, panels>(reach.left, step, panelSize, w, base, sums);
    Index middle = g.run - reach.left - reach.right;
    if constexpr (vectors == 1 && cells > 1) middle -= addPairs(middle, step, w, base, sums);
    addStretch<0, cells, rows, cells, panels>(middle, step, panelSize, w, base, sums);
    addStretch<0, cells - 1, rows, cells, panels>(reach.right, step, panelSize, w, base, sums);
  }
  const Vector zero = hn::Zero(d);
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 16
    for (int c = 0; c < cells; ++c) {
      if (relu) {
        // A selection, so that a NaN passes.
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v)
          sums[r][c][v] = hn::IfThenElse(hn::Lt(sums[r][c][v], zero), zero, sums[r][c][v]);
      }
      storePanels<vectors>(sums[r][c], out + r * g.outRow + c * g.outStep, channels);
    }
}

using ForwardTile = void (*)(const ConvGeometry&, const TileReach&, const float*, const float*,
                             const float*, bool, float*, Index);

template <int rows, int panels, int... cells>
ForwardTile forwardTileOf(Index count, std::integer_sequence<int, cells...>) {
  static constexpr ForwardTile tiles[] = {forwardTile<rows, cells + 1, panels>...};
  return tiles[count - 1];
}

/// Positions of a tile of two output rows, for rows that are too short to keep the multipliers
/// busy.
constexpr int mostCellsOfTwo = std::max(1, mostCells / 2);

template <int panels>
void forwardPanels(const ConvGeometry& g, const float* in, const float* weights, const float* bias,
                   bool relu, float* out, Index channels) {
  constexpr auto counts = std::make_integer_sequence<int, mostCells>();
  constexpr auto countsOfTwo = std::make_integer_sequence<int, mostCellsOfTwo>();
  const EvenParts parts(g.columns, mostCells);
  const AxisReach vertical = rowReach(g), horizontal = columnReach(g);
  const Index kernel = g.run / g.column;
  for (Index part = 0; part < parts.parts; ++part) {
    const Index first = parts.begin(part), count = parts.begin(part + 1) - first;
    const Index last = first + count - 1;
    const Index left = horizontal.cells(first, first, kernel).first;
    const Index right = kernel - std::max(left, horizontal.cells(last, last, kernel).second);
    const ForwardTile one = forwardTileOf<1, panels>(count, counts);
    const ForwardTile two =
        count <= mostCellsOfTwo ? forwardTileOf<2, panels>(count, countsOfTwo) : nullptr;
    for (Index row = 0; row < g.rows;) {
      const Index rows = two && row + 2 <= g.rows ? 2 : 1;
      const auto [above, below] = vertical.cells(row, row + rows - 1, g.segments);
      (rows == 2 ? two : one)(g, {below - above, left * g.column, right * g.column},
                              in + row * g.inRow + above * g.segmentStep + first * g.inStep,
                              weights + above * g.run * convPanel, bias, relu,
                              out + row * g.outRow + first * g.outStep, channels);
      row += rows;
    }
  }
}

void forwardKernel(const ConvGeometry& g, const float* in, const float* weights, const float* bias,
                   bool relu, float* out) {
  const Index panels = convPanels(g.channels);
  for (Index p = 0; p < panels;) {
    const Index at = p * convPanel;
    const float* w = weights + at * g.segments * g.run;
    const float* b = bias ? bias + at : nullptr;
    if (mostPanels == 2 && p + 2 <= panels) {
      forwardPanels<mostPanels>(g, in, w, b, relu, out + at, g.channels - at);
      p += 2;
    } else {
      forwardPanels<1>(g, in, w, b, relu, out + at, g.channels - at);
      p += 1;
    }
  }
}

using DoubleTag = hn::CappedTag<double, (lanes + 1) / 2>;
using HalfTag = hn::Rebind<float, DoubleTag>;
using Doubles = hn::Vec<DoubleTag>;
constexpr int doubleLanes = static_cast<int>(hn::MaxLanes(DoubleTag()));

/// total + the values, in double.
HWY_INLINE Doubles addInDouble(Vector values, Doubles total) {
  HWY_ALIGN float lane[lanes];
  hn::Store(values, Tag(), lane);
#pragma GCC unroll 16
  for (int k = 0; k < lanes; k += doubleLanes)
    total = hn::Add(total, hn::PromoteTo(DoubleTag(), hn::LoadU(HalfTag(), lane + k)));
  return total;
}

/// `cells` neighbouring cells of `segments` kernel rows, over rows × columns positions. Their
/// squares are added to `squares`.
template <int segments, int cells, int panels>
void gradientTile(const ConvGeometry& g, Index rows, Index columns, const float* HWY_RESTRICT in,
                  const float* HWY_RESTRICT delta, float* HWY_RESTRICT gradient,
                  double* HWY_RESTRICT squares) {
  constexpr int vectors = panels * vectorsPerPanel;
  const Tag d;
  const Index panelSize = g.segments * g.run * convPanel;
  const auto target = [=](int s, int c, int v) HWY_ATTR {
    return gradient + (v / vectorsPerPanel) * panelSize + (s * g.run + c) * convPanel +
           (v % vectorsPerPanel) * lanes;
  };
  Vector sums[segments][cells][vectors];
#pragma GCC unroll 16
  for (int s = 0; s < segments; ++s)
#pragma GCC unroll 16
    for (int c = 0; c < cells; ++c)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) sums[s][c][v] = hn::Zero(d);
  const Index segmentStep = g.segmentStep;
  for (Index row = 0; row < rows; ++row) {
    const float* x = in + row * g.inRow;
    const float* dy = delta + row * g.outRow;
    for (Index q = 0; q < columns; ++q) {
      Vector factor[vectors];
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) factor[v] = hn::LoadU(d, dy + v * lanes);
#pragma GCC unroll 16
      for (int s = 0; s < segments; ++s)
#pragma GCC unroll 16
        for (int c = 0; c < cells; ++c) {
          const Vector value = hn::Set(d, x[s * segmentStep + c]);
#pragma GCC unroll 16
          for (int v = 0; v < vectors; ++v)
            sums[s][c][v] = hn::MulAdd(value, factor[v], sums[s][c][v]);
        }
      x += g.inStep;
      dy += g.outStep;
    }
  }
#pragma GCC unroll 16
  for (int s = 0; s < segments; ++s)
#pragma GCC unroll 16
    for (int c = 0; c < cells; ++c)
#pragma GCC unroll 16
      for (int v = 0; v < vectors; ++v) hn::StoreU(sums[s][c][v], d, target(s, c, v));
  // Four squares at a time in float, the fours in double.
  Doubles total = hn::Zero(DoubleTag());
  constexpr int values = segments * cells * vectors;
#pragma GCC unroll 16
  for (int k = 0; k < values; k += 4) {
    Vector four = hn::Zero(d);
#pragma GCC unroll 4
    for (int i = k; i < k + 4; ++i) {
      if (i >= values) break;
      const Vector x = sums[i / (cells * vectors)][i / vectors % cells][i % vectors];
      four = hn::MulAdd(x, x, four);
    }
    total = addInDouble(four, total);
  }
  hn::Store(hn::Add(hn::Load(DoubleTag(), squares), total), DoubleTag(), squares);
}

using GradientTile = void (*)(const ConvGeometry&, Index, Index, const float*, const float*, float*,
                              double*);

template <int segments, int panels, int... cells>
GradientTile gradientTileOf(Index count, std::integer_sequence<int, cells...>) {
  static constexpr GradientTile tiles[] = {gradientTile<segments, cells + 1, panels>...};
  return tiles[count - 1];
}

/// Cells of a tile of two kernel rows: half as many as one has, or of one vector each 8, beyond
/// which they were slower again.
template <int panels>
constexpr int mostGradientCellsOfTwo = panels* vectorsPerPanel == 1 ? std::min(8, mostCells)
                                                                    : mostCellsOfTwo;

template <int panels>
void gradientPanels(const ConvGeometry& g, const float* in, const float* delta, float* gradient,
                    double* squares) {
  constexpr auto counts = std::make_integer_sequence<int, mostCells>();
  constexpr auto countsOfTwo = std::make_integer_sequence<int, mostGradientCellsOfTwo<panels>>();
  const EvenParts parts(g.run, mostCells);
  const AxisReach vertical = rowReach(g), horizontal = columnReach(g);
  for (Index part = 0; part < parts.parts; ++part) {
    const Index first = parts.begin(part), count = parts.begin(part + 1) - first;
    const auto [left, right] =
        horizontal.positions(first / g.column, (first + count - 1) / g.column, g.columns);
    const GradientTile one = gradientTileOf<1, panels>(count, counts);
    const GradientTile two = count <= mostGradientCellsOfTwo<panels>
                                 ? gradientTileOf<2, panels>(count, countsOfTwo)
                                 : nullptr;
    for (Index s = 0; s < g.segments;) {
      const Index segments = two && s + 2 <= g.segments ? 2 : 1;
      const auto [top, bottom] = vertical.positions(s, s + segments - 1, g.rows);
      (segments == 2 ? two : one)(g, bottom - top, right - left,
                                  in + s * g.segmentStep + first + top * g.inRow + left * g.inStep,
                                  delta + top * g.outRow + left * g.outStep,
                                  gradient + (s * g.run + first) * convPanel, squares);
      s += segments;
    }
  }
}

void gradientKernel(const ConvGeometry& g, const float* in, const float* delta, float* gradient,
                    double* squares) {
  const Index panels = convPanels(g.channels);
  for (Index p = 0; p < panels;) {
    const Index at = p * convPanel;
    float* target = gradient + at * g.segments * g.run;
    if (mostPanels == 2 && p + 2 <= panels) {
      gradientPanels<mostPanels>(g, in, delta + at, target, squares);
      p += 2;
    } else {
      gradientPanels<1>(g, in, delta + at, target, squares);
      p += 1;
    }
  }
}

double formKernel(const ConvGeometry& g, const float* in, const float* delta, float* gradient) {
  HWY_ALIGN double squares[doubleLanes] = {};
  gradientKernel(g, in, delta, gradient, squares);
  const double total = hn::GetLane(hn::SumOfLanes(DoubleTag(), hn::Load(DoubleTag(), squares)));
  // Squares that may have left float's range on the way are taken again in double.
  constexpr double least = 1e-28, most = 1e37;
  if (total > least && total < most) return total;
  double exact = 0;
  for (Index k = 0; k < g.weightSize(); ++k)
    exact += static_cast<double>(gradient[k]) * static_cast<double>(gradient[k]);
  return exact;
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(forwardKernel);
HWY_EXPORT(formKernel);

void convForward(const ConvGeometry& geometry, const float* in, const float* weights,
                 const float* bias, bool relu, float* out) {
  HWY_DYNAMIC_DISPATCH(forwardKernel)(geometry, in, weights, bias, relu, out);
}

double convGradient(const ConvGeometry& geometry, const float* in, const float* delta,
                    float* gradient) {
  return HWY_DYNAMIC_DISPATCH(formKernel)(geometry, in, delta, gradient);
}

}  // namespace clipscope

#endif  // HWY_ONCE
