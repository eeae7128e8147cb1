// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/release_kernels.h"

#include "engine/tensor/vector_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/release_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
using DoubleTag = hn::CappedTag<double, (hn::MaxLanes(FloatTag()) + 1) / 2>;
using HalfTag = hn::Rebind<float, DoubleTag>;
using Doubles = hn::Vec<DoubleTag>;

/// total + the values, in double.
HWY_INLINE Doubles addInDouble(Floats values, Doubles total) {
  HWY_ALIGN float lane[hn::MaxLanes(FloatTag())];
  hn::Store(values, FloatTag(), lane);
  for (std::size_t k = 0; k < hn::Lanes(FloatTag()); k += hn::Lanes(DoubleTag()))
    total = hn::Add(total, hn::PromoteTo(DoubleTag(), hn::LoadU(HalfTag(), lane + k)));
  return total;
}

HWY_INLINE double sumOf(Doubles total) { return hn::GetLane(hn::SumOfLanes(DoubleTag(), total)); }

double scaleAndSquareKernel(float a, float* HWY_RESTRICT x, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const Floats factor = hn::Set(d, a);
  Doubles total = hn::Zero(DoubleTag());
  Index j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    Floats four = hn::Zero(d);
#pragma GCC unroll 4
    for (Index k = 0; k < 4; ++k) {
      const Floats value = hn::Mul(factor, hn::LoadU(d, x + j + k * lanes));
      hn::StoreU(value, d, x + j + k * lanes);
      four = hn::MulAdd(value, value, four);
    }
    total = addInDouble(four, total);
  }
  double sum = sumOf(total);
  for (; j < count; ++j) {
    x[j] *= a;
    sum += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  }
  return sum;
}

void descendKernel(const Descent& p, DescentSquares& out) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const Floats share = hn::Set(d, p.inverseBatch), rate = hn::Set(d, p.rate);
  const float* HWY_RESTRICT before = p.before;
  const float* HWY_RESTRICT sum = p.sum;
  const float* HWY_RESTRICT noise = p.noise;
  float* HWY_RESTRICT after = p.after;
  Doubles squares = hn::Zero(DoubleTag()), changes = squares;
  Index j = 0;
  for (; j + 4 * lanes <= p.count; j += 4 * lanes) {
    Floats four = hn::Zero(d), change = four;
#pragma GCC unroll 4
    for (Index k = 0; k < 4; ++k) {
      const Index at = j + k * lanes;
      const Floats old = hn::LoadU(d, before + at);
      const Floats gradient =
          hn::Mul(share, hn::Add(hn::LoadU(d, sum + at), hn::LoadU(d, noise + at)));
      const Floats value = hn::NegMulAdd(rate, gradient, old);
      hn::StoreU(value, d, after + at);
      const Floats moved = hn::Sub(value, old);
      four = hn::MulAdd(value, value, four);
      change = hn::MulAdd(moved, moved, change);
    }
    squares = addInDouble(four, squares);
    changes = addInDouble(change, changes);
  }
  out = {sumOf(squares), sumOf(changes)};
  const hn::CappedTag<float, 1> one;
  for (; j < p.count; ++j) {
    const auto gradient = hn::Mul(hn::Set(one, p.inverseBatch),
                                  hn::Add(hn::LoadU(one, sum + j), hn::LoadU(one, noise + j)));
    const auto value = hn::NegMulAdd(hn::Set(one, p.rate), gradient, hn::LoadU(one, before + j));
    hn::StoreU(value, one, after + j);
    const double is = static_cast<double>(after[j]);
    const double moved = is - static_cast<double>(before[j]);
    out.after += is * is;
    out.change += moved * moved;
  }
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(scaleAndSquareKernel);
HWY_EXPORT(descendKernel);

namespace {

/// Of sums of squares beyond these, a part may be missing or infinite. A NaN is beyond them too.
bool isTrusted(double squares) { return squares > 1e-28 && squares < 1e37; }

}  // namespace

double scaleAndSquare(float a, float* x, Index count) {
  const double squares = HWY_DYNAMIC_DISPATCH(scaleAndSquareKernel)(a, x, count);
  return isTrusted(squares) ? squares : sumSquares(x, count);
}

DescentSquares descend(const Descent& descent) {
  DescentSquares squares;
  HWY_DYNAMIC_DISPATCH(descendKernel)(descent, squares);
  if (isTrusted(squares.after) && isTrusted(squares.change)) return squares;
  const NormAndDistance exact = normAndDistance(descent.after, descent.before, descent.count);
  return {exact.xx, exact.distance};
}

}  // namespace clipscope

#endif  // HWY_ONCE
