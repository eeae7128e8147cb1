// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/vector_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/vector_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using DoubleTag = hn::ScalableTag<double>;
using HalfTag = hn::Rebind<float, DoubleTag>;  // as many floats as a vector has doubles

double sumSquaresKernel(const float* HWY_RESTRICT x, Index count) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  Index j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    const auto a = hn::PromoteTo(d, hn::LoadU(h, x + j));
    const auto b = hn::PromoteTo(d, hn::LoadU(h, x + j + lanes));
    const auto c = hn::PromoteTo(d, hn::LoadU(h, x + j + 2 * lanes));
    const auto e = hn::PromoteTo(d, hn::LoadU(h, x + j + 3 * lanes));
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
    sum2 = hn::MulAdd(c, c, sum2);
    sum3 = hn::MulAdd(e, e, sum3);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; j < count; ++j) total += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  return total;
}

double dotProductKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y, Index count) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
  Index j = 0;
  for (; j + 2 * lanes <= count; j += 2 * lanes) {
    sum0 = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(h, x + j)), hn::PromoteTo(d, hn::LoadU(h, y + j)),
                      sum0);
    sum1 = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(h, x + j + lanes)),
                      hn::PromoteTo(d, hn::LoadU(h, y + j + lanes)), sum1);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
  for (; j < count; ++j) total += static_cast<double>(x[j]) * static_cast<double>(y[j]);
  return total;
}

double dotMixedKernel(const float* HWY_RESTRICT x, const double* HWY_RESTRICT y, Index count) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
  Index j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    sum0 = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(h, x + j)), hn::LoadU(d, y + j), sum0);
    sum1 = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(h, x + j + lanes)), hn::LoadU(d, y + j + lanes),
                      sum1);
    sum2 = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(h, x + j + 2 * lanes)),
                      hn::LoadU(d, y + j + 2 * lanes), sum2);
    sum3 = hn::MulAdd(hn::PromoteTo(d, hn::LoadU(h, x + j + 3 * lanes)),
                      hn::LoadU(d, y + j + 3 * lanes), sum3);
  }
  double total = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3))));
  for (; j < count; ++j) total += static_cast<double>(x[j]) * y[j];
  return total;
}

void pairSumsKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y, Index count,
                    double* HWY_RESTRICT out) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto xx = hn::Zero(d), yy = hn::Zero(d), xy = hn::Zero(d), dd = hn::Zero(d);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto a = hn::PromoteTo(d, hn::LoadU(h, x + j));
    const auto b = hn::PromoteTo(d, hn::LoadU(h, y + j));
    const auto e = hn::Sub(a, b);
    xx = hn::MulAdd(a, a, xx);
    yy = hn::MulAdd(b, b, yy);
    xy = hn::MulAdd(a, b, xy);
    dd = hn::MulAdd(e, e, dd);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, xx));
  out[1] = hn::GetLane(hn::SumOfLanes(d, yy));
  out[2] = hn::GetLane(hn::SumOfLanes(d, xy));
  out[3] = hn::GetLane(hn::SumOfLanes(d, dd));
  for (; j < count; ++j) {
    const double a = static_cast<double>(x[j]), b = static_cast<double>(y[j]);
    out[0] += a * a;
    out[1] += b * b;
    out[2] += a * b;
    out[3] += (a - b) * (a - b);
  }
}

void normAndDistanceKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y, Index count,
                           double* HWY_RESTRICT out) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto xx0 = hn::Zero(d), xx1 = hn::Zero(d), dd0 = hn::Zero(d), dd1 = hn::Zero(d);
  Index j = 0;
  for (; j + 2 * lanes <= count; j += 2 * lanes) {
    const auto a0 = hn::PromoteTo(d, hn::LoadU(h, x + j));
    const auto a1 = hn::PromoteTo(d, hn::LoadU(h, x + j + lanes));
    const auto e0 = hn::Sub(a0, hn::PromoteTo(d, hn::LoadU(h, y + j)));
    const auto e1 = hn::Sub(a1, hn::PromoteTo(d, hn::LoadU(h, y + j + lanes)));
    xx0 = hn::MulAdd(a0, a0, xx0);
    xx1 = hn::MulAdd(a1, a1, xx1);
    dd0 = hn::MulAdd(e0, e0, dd0);
    dd1 = hn::MulAdd(e1, e1, dd1);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, hn::Add(xx0, xx1)));
  out[1] = hn::GetLane(hn::SumOfLanes(d, hn::Add(dd0, dd1)));
  for (; j < count; ++j) {
    const double a = static_cast<double>(x[j]), e = a - static_cast<double>(y[j]);
    out[0] += a * a;
    out[1] += e * e;
  }
}

void scaledSumKernel(float a, const float* HWY_RESTRICT x, const float* HWY_RESTRICT y,
                     float* HWY_RESTRICT out, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto factor = hn::Set(d, a);
  Index j = 0;
  for (; j + lanes <= count; j += lanes)
    hn::StoreU(hn::Mul(factor, hn::Add(hn::LoadU(d, x + j), hn::LoadU(d, y + j))), d, out + j);
  for (; j < count; ++j) out[j] = a * (x[j] + y[j]);
}

void sumAndSquaresKernel(const float* HWY_RESTRICT x, Index count, double* HWY_RESTRICT out) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  auto sum = hn::Zero(d), squares = hn::Zero(d);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    const auto a = hn::PromoteTo(d, hn::LoadU(h, x + j));
    sum = hn::Add(sum, a);
    squares = hn::MulAdd(a, a, squares);
  }
  out[0] = hn::GetLane(hn::SumOfLanes(d, sum));
  out[1] = hn::GetLane(hn::SumOfLanes(d, squares));
  for (; j < count; ++j) {
    out[0] += static_cast<double>(x[j]);
    out[1] += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  }
}

void addScaledKernel(float a, const float* HWY_RESTRICT x, float* HWY_RESTRICT y, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto factor = hn::Set(d, a);
  Index j = 0;
  for (; j + lanes <= count; j += lanes)
    hn::StoreU(hn::MulAdd(factor, hn::LoadU(d, x + j), hn::LoadU(d, y + j)), d, y + j);
  for (; j < count; ++j) y[j] += a * x[j];
}

void addScaledRowsKernel(const float* HWY_RESTRICT a, const float* const* HWY_RESTRICT x,
                         Index rows, float* HWY_RESTRICT y, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index j = 0;
  for (; j + 4 * lanes <= count; j += 4 * lanes) {
    auto y0 = hn::LoadU(d, y + j), y1 = hn::LoadU(d, y + j + lanes);
    auto y2 = hn::LoadU(d, y + j + 2 * lanes), y3 = hn::LoadU(d, y + j + 3 * lanes);
    for (Index k = 0; k < rows; ++k) {
      const auto factor = hn::Set(d, a[k]);
      const float* HWY_RESTRICT row = x[k] + j;
      y0 = hn::MulAdd(factor, hn::LoadU(d, row), y0);
      y1 = hn::MulAdd(factor, hn::LoadU(d, row + lanes), y1);
      y2 = hn::MulAdd(factor, hn::LoadU(d, row + 2 * lanes), y2);
      y3 = hn::MulAdd(factor, hn::LoadU(d, row + 3 * lanes), y3);
    }
    hn::StoreU(y0, d, y + j);
    hn::StoreU(y1, d, y + j + lanes);
    hn::StoreU(y2, d, y + j + 2 * lanes);
    hn::StoreU(y3, d, y + j + 3 * lanes);
  }
  for (; j < count; ++j)
    for (Index k = 0; k < rows; ++k) y[j] += a[k] * x[k][j];
}

void scaledKernel(float a, const float* HWY_RESTRICT x, float* HWY_RESTRICT y, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto factor = hn::Set(d, a);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) hn::StoreU(hn::Mul(factor, hn::LoadU(d, x + j)), d, y + j);
  for (; j < count; ++j) y[j] = a * x[j];
}

void reluForwardKernel(const float* x, float* y, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  Index j = 0;
  for (; j + lanes <= count; j += lanes) {
    // Written as a selection so that a NaN passes, as it does in PyTorch.
    const auto v = hn::LoadU(d, x + j);
    hn::StoreU(hn::IfThenElse(hn::Lt(v, zero), zero, v), d, y + j);
  }
  for (; j < count; ++j) y[j] = x[j] < 0.0f ? 0.0f : x[j];
}

void reluBackwardKernel(const float* HWY_RESTRICT y, const float* dy, float* dx, Index count) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  Index j = 0;
  for (; j + lanes <= count; j += lanes)
    hn::StoreU(hn::IfThenElseZero(hn::Not(hn::Le(hn::LoadU(d, y + j), zero)), hn::LoadU(d, dy + j)),
               d, dx + j);
  for (; j < count; ++j) dx[j] = y[j] <= 0.0f ? 0.0f : dy[j];
}

void addBiasKernel(const float* HWY_RESTRICT bias, float* HWY_RESTRICT y, Index rows, Index cols,
                   bool relu) {
  const FloatTag d;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  const auto zero = hn::Zero(d);
  for (Index r = 0; r < rows; ++r, y += cols) {
    Index j = 0;
    for (; j + lanes <= cols; j += lanes) {
      auto v = hn::Add(hn::LoadU(d, y + j), hn::LoadU(d, bias + j));
      if (relu) v = hn::IfThenElse(hn::Lt(v, zero), zero, v);
      hn::StoreU(v, d, y + j);
    }
    for (; j < cols; ++j) {
      const float v = y[j] + bias[j];
      y[j] = relu && v < 0.0f ? 0.0f : v;
    }
  }
}

void addOuterKernel(const float* HWY_RESTRICT delta, Index outputs, const float* HWY_RESTRICT x,
                    Index inputs, double* HWY_RESTRICT g) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index o = 0; o < outputs; ++o) {
    const double value = static_cast<double>(delta[o]);
    const auto factor = hn::Set(d, value);
    double* row = g + o * inputs;
    Index j = 0;
    for (; j + lanes <= inputs; j += lanes)
      hn::StoreU(hn::MulAdd(factor, hn::PromoteTo(d, hn::LoadU(h, x + j)), hn::LoadU(d, row + j)),
                 d, row + j);
    for (; j < inputs; ++j) row[j] += value * static_cast<double>(x[j]);
  }
}

double outerSquaredNormKernel(const float* HWY_RESTRICT delta, Index outputs,
                              const float* HWY_RESTRICT x, Index inputs) {
  const DoubleTag d;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  double total = 0;
  for (Index o = 0; o < outputs; ++o) {
    const double value = static_cast<double>(delta[o]);
    if (value == 0) continue;  // a ReLU leaves many
    const auto factor = hn::Set(d, value);
    auto sum0 = hn::Zero(d), sum1 = hn::Zero(d);
    Index j = 0;
    for (; j + 2 * lanes <= inputs; j += 2 * lanes) {
      const auto a = hn::Mul(factor, hn::PromoteTo(d, hn::LoadU(h, x + j)));
      const auto b = hn::Mul(factor, hn::PromoteTo(d, hn::LoadU(h, x + j + lanes)));
      sum0 = hn::MulAdd(a, a, sum0);
      sum1 = hn::MulAdd(b, b, sum1);
    }
    total += hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, sum1)));
    for (; j < inputs; ++j) {
      const double entry = value * static_cast<double>(x[j]);
      total += entry * entry;
    }
  }
  return total;
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(sumSquaresKernel);
HWY_EXPORT(dotProductKernel);
HWY_EXPORT(dotMixedKernel);
HWY_EXPORT(sumAndSquaresKernel);
HWY_EXPORT(addScaledKernel);
HWY_EXPORT(addScaledRowsKernel);
HWY_EXPORT(pairSumsKernel);
HWY_EXPORT(normAndDistanceKernel);
HWY_EXPORT(scaledSumKernel);
HWY_EXPORT(scaledKernel);
HWY_EXPORT(reluForwardKernel);
HWY_EXPORT(reluBackwardKernel);
HWY_EXPORT(addBiasKernel);
HWY_EXPORT(addOuterKernel);
HWY_EXPORT(outerSquaredNormKernel);

double sumSquares(const float* x, Index count) {
  return HWY_DYNAMIC_DISPATCH(sumSquaresKernel)(x, count);
}

double dotProduct(const float* x, const float* y, Index count) {
  return HWY_DYNAMIC_DISPATCH(dotProductKernel)(x, y, count);
}

double dotProduct(const float* x, const double* y, Index count) {
  return HWY_DYNAMIC_DISPATCH(dotMixedKernel)(x, y, count);
}

void sumAndSquares(const float* x, Index count, double& sum, double& squares) {
  double out[2];
  HWY_DYNAMIC_DISPATCH(sumAndSquaresKernel)(x, count, out);
  sum = out[0];
  squares = out[1];
}

PairSums pairSums(const float* x, const float* y, Index count) {
  double out[4];
  HWY_DYNAMIC_DISPATCH(pairSumsKernel)(x, y, count, out);
  return {out[0], out[1], out[2], out[3]};
}

NormAndDistance normAndDistance(const float* x, const float* y, Index count) {
  double out[2];
  HWY_DYNAMIC_DISPATCH(normAndDistanceKernel)(x, y, count, out);
  return {out[0], out[1]};
}

void scaledSum(float a, const float* x, const float* y, float* out, Index count) {
  HWY_DYNAMIC_DISPATCH(scaledSumKernel)(a, x, y, out, count);
}

void addScaled(float a, const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(addScaledKernel)(a, x, y, count);
}

void addScaledRows(const float* a, const float* const* x, Index rows, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(addScaledRowsKernel)(a, x, rows, y, count);
}

void scaled(float a, const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(scaledKernel)(a, x, y, count);
}

void reluForward(const float* x, float* y, Index count) {
  HWY_DYNAMIC_DISPATCH(reluForwardKernel)(x, y, count);
}

void reluBackward(const float* y, const float* dy, float* dx, Index count) {
  HWY_DYNAMIC_DISPATCH(reluBackwardKernel)(y, dy, dx, count);
}

void addBias(const float* bias, float* y, Index rows, Index cols) {
  HWY_DYNAMIC_DISPATCH(addBiasKernel)(bias, y, rows, cols, false);
}

void addBiasRelu(const float* bias, float* y, Index rows, Index cols) {
  HWY_DYNAMIC_DISPATCH(addBiasKernel)(bias, y, rows, cols, true);
}

void addOuter(const float* d, Index outputs, const float* x, Index inputs, double* g) {
  HWY_DYNAMIC_DISPATCH(addOuterKernel)(d, outputs, x, inputs, g);
}

double outerSquaredNorm(const float* d, Index outputs, const float* x, Index inputs) {
  return HWY_DYNAMIC_DISPATCH(outerSquaredNormKernel)(d, outputs, x, inputs);
}

}  // namespace clipscope

#endif  // HWY_ONCE
