// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/channel_kernels.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/tensor/channel_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Positions that are summed in float before they join the double sum: short enough that rounding
/// stays near one unit in the last place of a term.
constexpr Index stretch = 32;

/// Calls body(tag, c) for vectors of channels, then for the channels left over, one at a time.
template <class Body>
HWY_INLINE void forChannels(Index channels, Body&& body) {
  const hn::ScalableTag<float> full;
  const hn::CappedTag<float, 1> one;
  const Index lanes = static_cast<Index>(hn::Lanes(full));
  Index c = 0;
  for (; c + lanes <= channels; c += lanes) body(full, c);
  for (; c < channels; ++c) body(one, c);
}

template <class D, class V>
HWY_INLINE void addToDoubles(D d, V v, double* out) {
  HWY_ALIGN float lanes[hn::MaxLanes(hn::ScalableTag<float>())];
  hn::Store(v, d, lanes);
  for (std::size_t k = 0; k < hn::Lanes(d); ++k) out[k] += static_cast<double>(lanes[k]);
}

/// out[c] = Σ_t term(t, c), the term given as a vector over channels.
template <class D, class Term>
HWY_INLINE void sumPositions(D d, Index positions, double* out, Term&& term) {
  for (std::size_t k = 0; k < hn::Lanes(d); ++k) out[k] = 0;
  for (Index start = 0; start < positions; start += stretch) {
    const Index stop = std::min(positions, start + stretch);
    auto sum = hn::Zero(d);
    for (Index t = start; t < stop; ++t) sum = hn::Add(sum, term(t));
    addToDoubles(d, sum, out);
  }
}

void sumsKernel(const float* HWY_RESTRICT x, Index positions, Index channels,
                double* HWY_RESTRICT sum) {
  forChannels(channels, [&](auto d, Index c) HWY_ATTR {
    sumPositions(d, positions, sum + c,
                 [&](Index t) HWY_ATTR { return hn::LoadU(d, x + t * channels + c); });
  });
}

void squaresKernel(const float* HWY_RESTRICT x, Index positions, Index channels,
                   const float* HWY_RESTRICT centre, double* HWY_RESTRICT sum) {
  forChannels(channels, [&](auto d, Index c) HWY_ATTR {
    const auto m = hn::LoadU(d, centre + c);
    sumPositions(d, positions, sum + c, [&](Index t) HWY_ATTR {
      const auto v = hn::Sub(hn::LoadU(d, x + t * channels + c), m);
      return hn::Mul(v, v);
    });
  });
}

void affineKernel(const float* HWY_RESTRICT x, Index positions, Index channels,
                  const float* HWY_RESTRICT centre, const float* HWY_RESTRICT scale,
                  const float* HWY_RESTRICT shift, bool relu, float* HWY_RESTRICT y) {
  forChannels(channels, [&](auto d, Index c) HWY_ATTR {
    const auto m = hn::LoadU(d, centre + c);
    const auto s = hn::LoadU(d, scale + c);
    const auto b = hn::LoadU(d, shift + c);
    const auto zero = hn::Zero(d);
    for (Index t = 0; t < positions; ++t) {
      auto v = hn::MulAdd(hn::Sub(hn::LoadU(d, x + t * channels + c), m), s, b);
      if (relu) v = hn::IfThenElse(hn::Lt(v, zero), zero, v);
      hn::StoreU(v, d, y + t * channels + c);
    }
  });
}

void gradientSumsKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, Index positions,
                        Index channels, const float* HWY_RESTRICT centre,
                        const float* HWY_RESTRICT scale, double* HWY_RESTRICT plain,
                        double* HWY_RESTRICT weighted) {
  forChannels(channels, [&](auto d, Index c) HWY_ATTR {
    const auto m = hn::LoadU(d, centre + c);
    const auto s = hn::LoadU(d, scale + c);
    for (std::size_t k = 0; k < hn::Lanes(d); ++k)
      plain[c + static_cast<Index>(k)] = weighted[c + static_cast<Index>(k)] = 0;
    for (Index start = 0; start < positions; start += stretch) {
      const Index stop = std::min(positions, start + stretch);
      auto sum = hn::Zero(d), product = hn::Zero(d);
      for (Index t = start; t < stop; ++t) {
        const auto delta = hn::LoadU(d, dy + t * channels + c);
        const auto v = hn::Mul(hn::Sub(hn::LoadU(d, x + t * channels + c), m), s);
        sum = hn::Add(sum, delta);
        product = hn::MulAdd(v, delta, product);
      }
      addToDoubles(d, sum, plain + c);
      addToDoubles(d, product, weighted + c);
    }
  });
}

void backwardKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, Index positions,
                    Index channels, const float* HWY_RESTRICT centre, const float* HWY_RESTRICT a,
                    const float* HWY_RESTRICT b, const float* HWY_RESTRICT offset,
                    float* HWY_RESTRICT dx) {
  forChannels(channels, [&](auto d, Index c) HWY_ATTR {
    const auto m = hn::LoadU(d, centre + c);
    const auto va = hn::LoadU(d, a + c);
    const auto vb = hn::LoadU(d, b + c);
    const auto vo = hn::LoadU(d, offset + c);
    for (Index t = 0; t < positions; ++t) {
      const auto v = hn::Sub(hn::LoadU(d, x + t * channels + c), m);
      hn::StoreU(hn::MulAdd(va, hn::LoadU(d, dy + t * channels + c), hn::MulAdd(vb, v, vo)), d,
                 dx + t * channels + c);
    }
  });
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(sumsKernel);
HWY_EXPORT(squaresKernel);
HWY_EXPORT(affineKernel);
HWY_EXPORT(gradientSumsKernel);
HWY_EXPORT(backwardKernel);

void channelSums(const float* x, Index positions, Index channels, double* sum) {
  HWY_DYNAMIC_DISPATCH(sumsKernel)(x, positions, channels, sum);
}

void channelSquares(const float* x, Index positions, Index channels, const float* centre,
                    double* sum) {
  HWY_DYNAMIC_DISPATCH(squaresKernel)(x, positions, channels, centre, sum);
}

void channelAffine(const float* x, Index positions, Index channels, const float* centre,
                   const float* scale, const float* shift, bool relu, float* y) {
  HWY_DYNAMIC_DISPATCH(affineKernel)(x, positions, channels, centre, scale, shift, relu, y);
}

void channelGradientSums(const float* x, const float* dy, Index positions, Index channels,
                         const float* centre, const float* scale, double* plain, double* weighted) {
  HWY_DYNAMIC_DISPATCH(gradientSumsKernel)
  (x, dy, positions, channels, centre, scale, plain, weighted);
}

void channelBackward(const float* x, const float* dy, Index positions, Index channels,
                     const float* centre, const float* a, const float* b, const float* offset,
                     float* dx) {
  HWY_DYNAMIC_DISPATCH(backwardKernel)(x, dy, positions, channels, centre, a, b, offset, dx);
}

}  // namespace clipscope

#endif  // HWY_ONCE
