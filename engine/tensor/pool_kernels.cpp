// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/pool_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/pool_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

void takeKernel(const float* HWY_RESTRICT cell, float index, Index channels,
                float* HWY_RESTRICT maximum, float* HWY_RESTRICT winner) {
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto number = hn::Set(d, index);
  Index c = 0;
  for (; c + lanes <= channels; c += lanes) {
    const auto value = hn::LoadU(d, cell + c);
    const auto best = hn::LoadU(d, maximum + c);
    // Not "value > best": that would lose a NaN.
    const auto take = hn::Or(hn::Gt(value, best), hn::Ne(value, value));
    hn::StoreU(hn::IfThenElse(take, value, best), d, maximum + c);
    hn::StoreU(hn::IfThenElse(take, number, hn::LoadU(d, winner + c)), d, winner + c);
  }
  for (; c < channels; ++c)
    if (cell[c] > maximum[c] || cell[c] != cell[c]) {
      maximum[c] = cell[c];
      winner[c] = index;
    }
}

void addKernel(const float* HWY_RESTRICT gradient, const float* HWY_RESTRICT winner, float index,
               Index channels, float* HWY_RESTRICT out) {
  const hn::ScalableTag<float> d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto number = hn::Set(d, index);
  Index c = 0;
  for (; c + lanes <= channels; c += lanes) {
    const auto won = hn::Eq(hn::LoadU(d, winner + c), number);
    hn::StoreU(hn::Add(hn::LoadU(d, out + c), hn::IfThenElseZero(won, hn::LoadU(d, gradient + c))),
               d, out + c);
  }
  for (; c < channels; ++c)
    if (winner[c] == index) out[c] += gradient[c];
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(takeKernel);
HWY_EXPORT(addKernel);

void startMaximum(const float* cell, float index, Index channels, float* maximum, float* winner) {
  std::copy_n(cell, channels, maximum);
  std::fill_n(winner, channels, index);
}

void takeMaximum(const float* cell, float index, Index channels, float* maximum, float* winner) {
  HWY_DYNAMIC_DISPATCH(takeKernel)(cell, index, channels, maximum, winner);
}

void addWhereWinner(const float* gradient, const float* winner, float index, Index channels,
                    float* out) {
  HWY_DYNAMIC_DISPATCH(addKernel)(gradient, winner, index, channels, out);
}

}  // namespace clipscope

#endif  // HWY_ONCE
