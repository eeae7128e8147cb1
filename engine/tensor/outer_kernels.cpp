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

struct Factors {
  Index count;
  const float* delta;
  Index deltaStep;
  const float* x;
  Index inputStep;
};

/// `rows` outputs times `vectors` vectors of inputs, in registers over all positions.
template <int rows, int vectors>
HWY_INLINE void tile(const Factors& f, Index output, Index input, Index inputs,
                     double* HWY_RESTRICT g) {
  const DoubleTag d;
  double* HWY_RESTRICT target = g + output * inputs + input;
  Doubles sums[rows][vectors];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sums[r][v] = hn::LoadU(d, target + r * inputs + v * lanes);
  const float* delta = f.delta + output;
  const float* x = f.x + input;
  for (Index t = 0; t < f.count; ++t, delta += f.deltaStep, x += f.inputStep) {
    Doubles value[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v)
      value[v] = hn::PromoteTo(d, hn::LoadU(HalfTag(), x + v * lanes));
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      const Doubles factor = hn::Set(d, static_cast<double>(delta[r]));
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sums[r][v] = hn::MulAdd(factor, value[v], sums[r][v]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) hn::StoreU(sums[r][v], d, target + r * inputs + v * lanes);
}

template <int rows>
HWY_INLINE void rowsKernel(const Factors& f, Index output, Index inputs, double* HWY_RESTRICT g) {
  Index i = 0;
  for (; i + 2 * lanes <= inputs; i += 2 * lanes) tile<rows, 2>(f, output, i, inputs, g);
  for (; i + lanes <= inputs; i += lanes) tile<rows, 1>(f, output, i, inputs, g);
  for (; i < inputs; ++i)
    for (int r = 0; r < rows; ++r) {
      double sum = g[(output + r) * inputs + i];
      for (Index t = 0; t < f.count; ++t)
        sum += static_cast<double>(f.delta[t * f.deltaStep + output + r]) *
               static_cast<double>(f.x[t * f.inputStep + i]);
      g[(output + r) * inputs + i] = sum;
    }
}

void outerSumKernel(Index count, const float* delta, Index deltaStep, Index outputs, const float* x,
                    Index inputStep, Index inputs, double* g) {
  const Factors f{count, delta, deltaStep, x, inputStep};
  Index o = 0;
  for (; o + 4 <= outputs; o += 4) rowsKernel<4>(f, o, inputs, g);
  for (; o < outputs; ++o) rowsKernel<1>(f, o, inputs, g);
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(outerSumKernel);

void addOuterSum(Index count, const float* delta, Index deltaStep, Index outputs, const float* x,
                 Index inputStep, Index inputs, double* g) {
  HWY_DYNAMIC_DISPATCH(outerSumKernel)
  (count, delta, deltaStep, outputs, x, inputStep, inputs, g);
}

}  // namespace clipscope

#endif  // HWY_ONCE
