// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/outer_kernels.h"

// Vectors are kept in arrays, so their size must be known to the compiler.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/outer_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using DoubleTag = hn::ScalableTag<double>;
using HalfTag = hn::Rebind<float, DoubleTag>;
using Doubles = hn::Vec<DoubleTag>;
constexpr Index lanes = static_cast<Index>(hn::MaxLanes(DoubleTag()));

/// Vectors of inputs in a tile of four outputs: with one for the output's value and as many for the
/// inputs', the sums stay in registers.
constexpr int mostVectors = HWY_TARGET <= HWY_AVX3 || HWY_ARCH_ARM_A64 ? 4 : 2;

/// `rows` outputs times `vectors` vectors of inputs, in registers over all positions; a small tile
/// in several chains of positions, which do not wait for each other.
template <int rows, int vectors>
HWY_INLINE void tile(const OuterSum& f, Index output, Index input, double* HWY_RESTRICT g) {
  constexpr int chains = rows * vectors >= 8 ? 1 : 4;
  const DoubleTag d;
  double* HWY_RESTRICT target = g + output * f.inputs + input;
  Doubles sums[chains][rows][vectors];
#pragma GCC unroll 4
  for (int k = 0; k < chains; ++k)
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[k][r][v] = hn::Zero(d);
  for (Index row = 0; row < f.rows; ++row) {
    const float* delta = f.delta + row * f.deltaRow + output;
    const float* x = f.x + row * f.inputRow + input;
    const auto add = [&](int chain) HWY_ATTR {
      Doubles value[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v)
        value[v] = hn::PromoteTo(d, hn::LoadU(HalfTag(), x + v * lanes));
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        const Doubles factor = hn::Set(d, static_cast<double>(delta[r]));
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v)
          sums[chain][r][v] = hn::MulAdd(factor, value[v], sums[chain][r][v]);
      }
      delta += f.deltaStep;
      x += f.inputStep;
    };
    Index t = 0;
    for (; t + chains <= f.columns; t += chains)
#pragma GCC unroll 4
      for (int k = 0; k < chains; ++k) add(k);
    for (; t < f.columns; ++t) add(0);
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      Doubles total = hn::LoadU(d, target + r * f.inputs + v * lanes);
#pragma GCC unroll 4
      for (int k = 0; k < chains; ++k) total = hn::Add(total, sums[k][r][v]);
      hn::StoreU(total, d, target + r * f.inputs + v * lanes);
    }
}

template <int rows>
HWY_INLINE void rowsKernel(const OuterSum& f, Index output, double* HWY_RESTRICT g) {
  Index i = 0;
  for (; i + mostVectors * lanes <= f.inputs; i += mostVectors * lanes)
    tile<rows, mostVectors>(f, output, i, g);
  for (; i + 2 * lanes <= f.inputs; i += 2 * lanes) tile<rows, 2>(f, output, i, g);
  for (; i + lanes <= f.inputs; i += lanes) tile<rows, 1>(f, output, i, g);
  for (; i < f.inputs; ++i)
    for (int r = 0; r < rows; ++r) {
      double sum = g[(output + r) * f.inputs + i];
      for (Index row = 0; row < f.rows; ++row)
        for (Index t = 0; t < f.columns; ++t)
          sum += static_cast<double>(f.delta[row * f.deltaRow + t * f.deltaStep + output + r]) *
                 static_cast<double>(f.x[row * f.inputRow + t * f.inputStep + i]);
      g[(output + r) * f.inputs + i] = sum;
    }
}

void outerSumKernel(const OuterSum& f, double* g) {
  Index o = 0;
  for (; o + 4 <= f.outputs; o += 4) rowsKernel<4>(f, o, g);
  for (; o < f.outputs; ++o) rowsKernel<1>(f, o, g);
}

template <class D>
HWY_INLINE void centredSumsOf(D d, const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy,
                              Index positions, Index channels, const float* HWY_RESTRICT centre,
                              CentredSums* sums) {
  const hn::Rebind<float, D> h;
  const auto c = hn::PromoteTo(d, hn::LoadU(h, centre));
  auto sx = hn::Zero(d), sxx = sx, sdy = sx, sdyx = sx;
  for (Index t = 0; t < positions; ++t) {
    const auto v = hn::Sub(hn::PromoteTo(d, hn::LoadU(h, x + t * channels)), c);
    const auto g = hn::PromoteTo(d, hn::LoadU(h, dy + t * channels));
    sx = hn::Add(sx, v);
    sxx = hn::MulAdd(v, v, sxx);
    sdy = hn::Add(sdy, g);
    sdyx = hn::MulAdd(g, v, sdyx);
  }
  HWY_ALIGN double out[4][hn::MaxLanes(DoubleTag())];
  hn::Store(sx, d, out[0]);
  hn::Store(sxx, d, out[1]);
  hn::Store(sdy, d, out[2]);
  hn::Store(sdyx, d, out[3]);
  for (std::size_t k = 0; k < hn::Lanes(d); ++k)
    sums[k] = {out[0][k], out[1][k], out[2][k], out[3][k]};
}

double squaresKernel(const double* HWY_RESTRICT x, Index count) {
  const DoubleTag d;
  Doubles sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  Index j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes)
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const Doubles v = hn::LoadU(d, x + j + k * lanes);
      sums[k] = hn::MulAdd(v, v, sums[k]);
    }
  double total =
      hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
  for (; j < count; ++j) total += x[j] * x[j];
  return total;
}

void centredSumsKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, Index positions,
                       Index channels, const float* HWY_RESTRICT centre, CentredSums* sums) {
  Index c = 0;
  for (; c + lanes <= channels; c += lanes)
    centredSumsOf(DoubleTag(), x + c, dy + c, positions, channels, centre + c, sums + c);
  for (; c < channels; ++c)
    centredSumsOf(hn::CappedTag<double, 1>(), x + c, dy + c, positions, channels, centre + c,
                  sums + c);
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(outerSumKernel);
HWY_EXPORT(centredSumsKernel);
HWY_EXPORT(squaresKernel);

void addOuterSum(const OuterSum& factors, double* g) {
  HWY_DYNAMIC_DISPATCH(outerSumKernel)(factors, g);
}

double sumSquares(const double* x, Index count) {
  return HWY_DYNAMIC_DISPATCH(squaresKernel)(x, count);
}

void centredSums(const float* x, const float* dy, Index positions, Index channels,
                 const float* centre, CentredSums* sums) {
  HWY_DYNAMIC_DISPATCH(centredSumsKernel)(x, dy, positions, channels, centre, sums);
}

}  // namespace clipscope

#endif  // HWY_ONCE
