// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/row_norm_kernels.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/row_norm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using DoubleTag = hn::ScalableTag<double>;
using HalfTag = hn::Rebind<float, DoubleTag>;

RowStatistics normaliseKernel(const float* HWY_RESTRICT x, Index count, double epsilon,
                              const float* HWY_RESTRICT gamma, const float* HWY_RESTRICT beta,
                              float* HWY_RESTRICT y) {
  const FloatTag d;
  const DoubleTag dd;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), half = static_cast<Index>(hn::Lanes(dd));
  const double size = static_cast<double>(count);
  auto sum0 = hn::Zero(dd), sum1 = hn::Zero(dd);
  Index j = 0;
  for (; j + 2 * half <= count; j += 2 * half) {
    sum0 = hn::Add(sum0, hn::PromoteTo(dd, hn::LoadU(h, x + j)));
    sum1 = hn::Add(sum1, hn::PromoteTo(dd, hn::LoadU(h, x + j + half)));
  }
  double mean = hn::GetLane(hn::SumOfLanes(dd, hn::Add(sum0, sum1)));
  for (; j < count; ++j) mean += static_cast<double>(x[j]);
  mean /= size;
  sum0 = sum1 = hn::Zero(dd);
  const auto centre = hn::Set(dd, mean);
  for (j = 0; j + 2 * half <= count; j += 2 * half) {
    const auto a = hn::Sub(hn::PromoteTo(dd, hn::LoadU(h, x + j)), centre);
    const auto b = hn::Sub(hn::PromoteTo(dd, hn::LoadU(h, x + j + half)), centre);
    sum0 = hn::MulAdd(a, a, sum0);
    sum1 = hn::MulAdd(b, b, sum1);
  }
  double squares = hn::GetLane(hn::SumOfLanes(dd, hn::Add(sum0, sum1)));
  for (; j < count; ++j) {
    const double centred = static_cast<double>(x[j]) - mean;
    squares += centred * centred;
  }
  const RowStatistics s{static_cast<float>(mean),
                        static_cast<float>(1.0 / std::sqrt(squares / size + epsilon))};
  const auto middle = hn::Set(d, s.mean), scale = hn::Set(d, s.inverseStd);
  for (j = 0; j + lanes <= count; j += lanes) {
    auto v = hn::Mul(hn::Sub(hn::LoadU(d, x + j), middle), scale);
    if (gamma) v = hn::Mul(v, hn::LoadU(d, gamma + j));
    if (beta) v = hn::Add(v, hn::LoadU(d, beta + j));
    hn::StoreU(v, d, y + j);
  }
  for (; j < count; ++j) {
    const float hat = (x[j] - s.mean) * s.inverseStd;
    y[j] = hat * (gamma ? gamma[j] : 1.0f) + (beta ? beta[j] : 0.0f);
  }
  return s;
}

void gradientsKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, Index count,
                     RowStatistics s, const float* HWY_RESTRICT gamma,
                     float* HWY_RESTRICT weightGradient, float* HWY_RESTRICT biasGradient,
                     float* HWY_RESTRICT dx) {
  const FloatTag d;
  const DoubleTag dd;
  const HalfTag h;
  const Index lanes = static_cast<Index>(hn::Lanes(d)), half = static_cast<Index>(hn::Lanes(h));
  const auto middle = hn::Set(h, s.mean), scale = hn::Set(h, s.inverseStd);
  auto sums = hn::Zero(dd), hatSums = hn::Zero(dd);
  Index j = 0;
  for (; j + half <= count; j += half) {
    const auto delta = hn::LoadU(h, dy + j);
    const auto hat = hn::Mul(hn::Sub(hn::LoadU(h, x + j), middle), scale);
    hn::StoreU(hn::Mul(delta, hat), h, weightGradient + j);
    hn::StoreU(delta, h, biasGradient + j);
    auto g = hn::PromoteTo(dd, delta);
    if (gamma) g = hn::Mul(g, hn::PromoteTo(dd, hn::LoadU(h, gamma + j)));
    sums = hn::Add(sums, g);
    hatSums = hn::MulAdd(g, hn::PromoteTo(dd, hat), hatSums);
  }
  double mean = hn::GetLane(hn::SumOfLanes(dd, sums));
  double meanHat = hn::GetLane(hn::SumOfLanes(dd, hatSums));
  for (; j < count; ++j) {
    const float hat = (x[j] - s.mean) * s.inverseStd;
    const double g = static_cast<double>(dy[j]) * (gamma ? static_cast<double>(gamma[j]) : 1.0);
    weightGradient[j] = dy[j] * hat;
    biasGradient[j] = dy[j];
    mean += g;
    meanHat += g * static_cast<double>(hat);
  }
  if (!dx) return;
  const float a = static_cast<float>(mean / static_cast<double>(count));
  const float b = static_cast<float>(meanHat / static_cast<double>(count));
  const auto va = hn::Set(d, a), vb = hn::Set(d, b);
  const auto wideMiddle = hn::Set(d, s.mean), wideScale = hn::Set(d, s.inverseStd);
  for (j = 0; j + lanes <= count; j += lanes) {
    auto g = hn::LoadU(d, dy + j);
    if (gamma) g = hn::Mul(g, hn::LoadU(d, gamma + j));
    const auto hat = hn::Mul(hn::Sub(hn::LoadU(d, x + j), wideMiddle), wideScale);
    hn::StoreU(hn::Mul(wideScale, hn::NegMulAdd(hat, vb, hn::Sub(g, va))), d, dx + j);
  }
  for (; j < count; ++j) {
    const float g = dy[j] * (gamma ? gamma[j] : 1.0f);
    const float hat = (x[j] - s.mean) * s.inverseStd;
    dx[j] = s.inverseStd * (g - a - hat * b);
  }
}

void addToDoublesKernel(const float* HWY_RESTRICT value, Index count, double* HWY_RESTRICT sum) {
  const DoubleTag dd;
  const HalfTag h;
  const Index half = static_cast<Index>(hn::Lanes(dd));
  Index j = 0;
  for (; j + half <= count; j += half)
    hn::StoreU(hn::Add(hn::LoadU(dd, sum + j), hn::PromoteTo(dd, hn::LoadU(h, value + j))), dd,
               sum + j);
  for (; j < count; ++j) sum[j] += static_cast<double>(value[j]);
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(normaliseKernel);
HWY_EXPORT(gradientsKernel);
HWY_EXPORT(addToDoublesKernel);

RowStatistics normaliseRow(const float* x, Index count, double epsilon, const float* gamma,
                           const float* beta, float* y) {
  return HWY_DYNAMIC_DISPATCH(normaliseKernel)(x, count, epsilon, gamma, beta, y);
}

void rowNormGradients(const float* x, const float* dy, Index count, RowStatistics statistics,
                      const float* gamma, float* weightGradient, float* biasGradient, float* dx) {
  HWY_DYNAMIC_DISPATCH(gradientsKernel)
  (x, dy, count, statistics, gamma, weightGradient, biasGradient, dx);
}

void addToDoubles(const float* value, Index count, double* sum) {
  HWY_DYNAMIC_DISPATCH(addToDoublesKernel)(value, count, sum);
}

}  // namespace clipscope

#endif  // HWY_ONCE
