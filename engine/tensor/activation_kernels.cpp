// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/activation_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/activation_kernels.cpp"
#include <hwy/foreach_target.h>
// After the loop over the targets, as it is read once for each.
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::ScalableTag<float>;
using Floats = hn::Vec<Tag>;

HWY_INLINE Floats set(float value) { return hn::Set(Tag(), value); }

/// result, but NaN where x is: Highway's exponential makes 0 of it.
HWY_INLINE Floats keepNan(Floats x, Floats result) {
  return hn::IfThenElse(hn::IsNaN(x), x, result);
}

/// Walks over vectors; what is left at the end goes through a buffer. Both `a` and `b` are read
/// before `out`, which may be one of them, is written.
template <class Function>
HWY_INLINE void map(const float* a, const float* b, float* out, Index count,
                    const Function& function) {
  const Tag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index j = 0;
  for (; j + lanes <= count; j += lanes)
    hn::StoreU(function(hn::LoadU(d, a + j), hn::LoadU(d, b + j)), d, out + j);
  if (j == count) return;
  HWY_ALIGN float left[2][hn::MaxLanes(d)] = {};
  std::copy(a + j, a + count, left[0]);
  std::copy(b + j, b + count, left[1]);
  hn::Store(function(hn::Load(d, left[0]), hn::Load(d, left[1])), d, left[0]);
  std::copy_n(left[0], count - j, out + j);
}

HWY_INLINE Floats sigmoid(Floats x) {
  const Floats one = set(1.0f);
  return keepNan(x, hn::Div(one, hn::Add(one, hn::Exp(Tag(), hn::Neg(x)))));
}

/// Φ(x), and e^(−x²/2).
struct Normal {
  Floats cdf, bell;
};

/// ½ erfc(|x|/√2) = ½ t e^(−x²/2 + P(t)), t = 1/(1 + |x|/√8), after Press et al., Numerical Recipes
/// (1992), erfcc: the relative error is below 1.2e-7 however far out.
HWY_INLINE Normal normal(Floats x) {
  const Tag d;
  const Floats one = set(1.0f);
  const Floats half = hn::Mul(set(0.5f), x);
  const Floats square = hn::Mul(half, x);
  // What the rounding of x²/2 left out, which an exponential would make large.
  const Floats rest = hn::IfThenElseZero(hn::Lt(square, set(200.0f)), hn::MulSub(half, x, square));
  const Floats rounded = hn::Exp(d, hn::Neg(square));
  const Floats bell = hn::NegMulAdd(rounded, rest, rounded);
  const Floats t = hn::Div(one, hn::MulAdd(set(0.35355339f), hn::Abs(x), one));
  Floats p = set(0.17087277f);
  for (const float c : {-0.82215223f, 1.48851587f, -1.13520398f, 0.27886807f, -0.18628806f,
                        0.09678418f, 0.37409196f, 1.00002368f, -1.26551223f})
    p = hn::MulAdd(p, t, set(c));
  const Floats tail = hn::Mul(hn::Mul(set(0.5f), t), hn::Mul(bell, hn::Exp(d, p)));
  return {keepNan(x, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(one, tail))), bell};
}

void tanhKernel(const float* x, float* y, Index count) {
  map(x, x, y, count, [](Floats v, Floats) HWY_ATTR { return keepNan(v, hn::Tanh(Tag(), v)); });
}

void tanhGradientKernel(const float* y, const float* dy, float* dx, Index count) {
  map(y, dy, dx, count,
      [](Floats v, Floats g) HWY_ATTR { return hn::Mul(g, hn::NegMulAdd(v, v, set(1.0f))); });
}

void sigmoidKernel(const float* x, float* y, Index count) {
  map(x, x, y, count, [](Floats v, Floats) HWY_ATTR { return sigmoid(v); });
}

void sigmoidGradientKernel(const float* y, const float* dy, float* dx, Index count) {
  map(y, dy, dx, count,
      [](Floats v, Floats g) HWY_ATTR { return hn::Mul(g, hn::Mul(v, hn::Sub(set(1.0f), v))); });
}

void siluKernel(const float* x, float* y, Index count) {
  map(x, x, y, count, [](Floats v, Floats) HWY_ATTR { return hn::Mul(v, sigmoid(v)); });
}

void siluGradientKernel(const float* x, const float* dy, float* dx, Index count) {
  map(x, dy, dx, count, [](Floats v, Floats g) HWY_ATTR {
    const Floats s = sigmoid(v);
    return hn::Mul(g, hn::MulAdd(hn::Mul(v, s), hn::Sub(set(1.0f), s), s));
  });
}

void geluKernel(const float* x, float* y, Index count) {
  map(x, x, y, count, [](Floats v, Floats) HWY_ATTR { return hn::Mul(v, normal(v).cdf); });
}

void geluGradientKernel(const float* x, const float* dy, float* dx, Index count) {
  map(x, dy, dx, count, [](Floats v, Floats g) HWY_ATTR {
    const Normal n = normal(v);
    return hn::Mul(g, hn::MulAdd(hn::Mul(v, set(0.39894228f)), n.bell, n.cdf));
  });
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(tanhKernel);
HWY_EXPORT(tanhGradientKernel);
HWY_EXPORT(sigmoidKernel);
HWY_EXPORT(sigmoidGradientKernel);
HWY_EXPORT(siluKernel);
HWY_EXPORT(siluGradientKernel);
HWY_EXPORT(geluKernel);
HWY_EXPORT(geluGradientKernel);

void tanhForward(const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(tanhKernel)(x, y, count);
}

void tanhBackward(const float* y, const float* dy, float* dx, Index count) {
  HWY_DYNAMIC_DISPATCH(tanhGradientKernel)(y, dy, dx, count);
}

void sigmoidForward(const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(sigmoidKernel)(x, y, count);
}

void sigmoidBackward(const float* y, const float* dy, float* dx, Index count) {
  HWY_DYNAMIC_DISPATCH(sigmoidGradientKernel)(y, dy, dx, count);
}

void siluForward(const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(siluKernel)(x, y, count);
}

void siluBackward(const float* x, const float* dy, float* dx, Index count) {
  HWY_DYNAMIC_DISPATCH(siluGradientKernel)(x, dy, dx, count);
}

void geluForward(const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(geluKernel)(x, y, count);
}

void geluBackward(const float* x, const float* dy, float* dx, Index count) {
  HWY_DYNAMIC_DISPATCH(geluGradientKernel)(x, dy, dx, count);
}

}  // namespace clipscope

#endif  // HWY_ONCE
