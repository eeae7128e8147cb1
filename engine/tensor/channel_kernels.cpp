// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/tensor/channel_kernels.h"

#include <algorithm>

// Vectors are kept in arrays, so their size must be known to the compiler.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_RVV)
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

/// n vectors of neighbouring channels: one position's lie together, and n sums that do not wait for
/// each other hide the time of an addition.
template <int n, class D>
struct Block {
  static constexpr int vectors = n;
  static constexpr Index lanes = static_cast<Index>(hn::MaxLanes(D()));
  D d;

  using Vector = hn::Vec<D>;
  using Vectors = Vector[n];

  HWY_INLINE void load(const float* HWY_RESTRICT from, Vectors& out) const {
#pragma GCC unroll 4
    for (int k = 0; k < n; ++k) out[k] = hn::LoadU(d, from + k * lanes);
  }
  HWY_INLINE void zero(Vectors& out) const {
#pragma GCC unroll 4
    for (int k = 0; k < n; ++k) out[k] = hn::Zero(d);
  }
  HWY_INLINE void addTo(double* HWY_RESTRICT out, const Vectors& sums) const {
    HWY_ALIGN float values[n * lanes];
#pragma GCC unroll 4
    for (int k = 0; k < n; ++k) hn::Store(sums[k], d, values + k * lanes);
    for (Index k = 0; k < n * lanes; ++k) out[k] += static_cast<double>(values[k]);
  }
};

/// Calls body(block, c) for blocks of vectors of channels, then for the channels left over, one at
/// a time.
template <class Body>
HWY_INLINE void forChannels(Index channels, Body&& body) {
  using Full = hn::ScalableTag<float>;
  constexpr Index lanes = Block<1, Full>::lanes;
  Index c = 0;
  for (; c + 4 * lanes <= channels; c += 4 * lanes) body(Block<4, Full>(), c);
  for (; c + 2 * lanes <= channels; c += 2 * lanes) body(Block<2, Full>(), c);
  for (; c + lanes <= channels; c += lanes) body(Block<1, Full>(), c);
  for (; c < channels; ++c) body(Block<1, hn::CappedTag<float, 1>>(), c);
}

/// Calls add(t) for all positions, and settle() after each stretch of them.
template <class Add, class Settle>
HWY_INLINE void inStretches(Index positions, Add&& add, Settle&& settle) {
  for (Index start = 0; start < positions; start += stretch) {
    const Index stop = std::min(positions, start + stretch);
    for (Index t = start; t < stop; ++t) add(t);
    settle();
  }
}

template <class B>
HWY_INLINE void clear(const B& block, double* out) {
  std::fill_n(out, B::vectors * block.lanes, 0.0);
}

void sumsKernel(const float* HWY_RESTRICT x, Index positions, Index channels,
                double* HWY_RESTRICT sum) {
  forChannels(channels, [&](auto block, Index c) HWY_ATTR {
    constexpr int n = decltype(block)::vectors;
    typename decltype(block)::Vectors sums;
    block.zero(sums);
    clear(block, sum + c);
    inStretches(
        positions,
        [&](Index t) HWY_ATTR {
#pragma GCC unroll 4
          for (int k = 0; k < n; ++k)
            sums[k] = hn::Add(sums[k], hn::LoadU(block.d, x + t * channels + c + k * block.lanes));
        },
        [&]() HWY_ATTR {
          block.addTo(sum + c, sums);
          block.zero(sums);
        });
  });
}

void squaresKernel(const float* HWY_RESTRICT x, Index positions, Index channels,
                   const float* HWY_RESTRICT centre, double* HWY_RESTRICT sum) {
  forChannels(channels, [&](auto block, Index c) HWY_ATTR {
    constexpr int n = decltype(block)::vectors;
    typename decltype(block)::Vectors m, sums;
    block.load(centre + c, m);
    block.zero(sums);
    clear(block, sum + c);
    inStretches(
        positions,
        [&](Index t) HWY_ATTR {
#pragma GCC unroll 4
          for (int k = 0; k < n; ++k) {
            const auto v =
                hn::Sub(hn::LoadU(block.d, x + t * channels + c + k * block.lanes), m[k]);
            sums[k] = hn::MulAdd(v, v, sums[k]);
          }
        },
        [&]() HWY_ATTR {
          block.addTo(sum + c, sums);
          block.zero(sums);
        });
  });
}

void affineKernel(const float* HWY_RESTRICT x, Index positions, Index channels,
                  const float* HWY_RESTRICT centre, const float* HWY_RESTRICT scale,
                  const float* HWY_RESTRICT shift, bool relu, float* HWY_RESTRICT y) {
  forChannels(channels, [&](auto block, Index c) HWY_ATTR {
    constexpr int n = decltype(block)::vectors;
    typename decltype(block)::Vectors m, s, b;
    block.load(centre + c, m);
    block.load(scale + c, s);
    block.load(shift + c, b);
    const auto zero = hn::Zero(block.d);
    for (Index t = 0; t < positions; ++t) {
#pragma GCC unroll 4
      for (int k = 0; k < n; ++k) {
        const Index at = t * channels + c + k * block.lanes;
        auto v = hn::MulAdd(hn::Sub(hn::LoadU(block.d, x + at), m[k]), s[k], b[k]);
        if (relu) v = hn::IfThenElse(hn::Lt(v, zero), zero, v);
        hn::StoreU(v, block.d, y + at);
      }
    }
  });
}

void gradientSumsKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT y,
                        float* HWY_RESTRICT dy, Index positions, Index channels,
                        const float* HWY_RESTRICT centre, const float* HWY_RESTRICT scale,
                        double* HWY_RESTRICT plain, double* HWY_RESTRICT weighted) {
  forChannels(channels, [&](auto block, Index c) HWY_ATTR {
    constexpr int n = decltype(block)::vectors;
    typename decltype(block)::Vectors m, s, sums, products;
    block.load(centre + c, m);
    block.load(scale + c, s);
    block.zero(sums);
    block.zero(products);
    clear(block, plain + c);
    clear(block, weighted + c);
    const auto zero = hn::Zero(block.d);
    inStretches(
        positions,
        [&](Index t) HWY_ATTR {
#pragma GCC unroll 4
          for (int k = 0; k < n; ++k) {
            const Index at = t * channels + c + k * block.lanes;
            auto delta = hn::LoadU(block.d, dy + at);
            if (y) {
              // A NaN of y keeps its gradient, as in PyTorch.
              const auto off = hn::Le(hn::LoadU(block.d, y + at), zero);
              delta = hn::IfThenZeroElse(off, delta);
              hn::StoreU(delta, block.d, dy + at);
            }
            const auto v = hn::Mul(hn::Sub(hn::LoadU(block.d, x + at), m[k]), s[k]);
            sums[k] = hn::Add(sums[k], delta);
            products[k] = hn::MulAdd(v, delta, products[k]);
          }
        },
        [&]() HWY_ATTR {
          block.addTo(plain + c, sums);
          block.addTo(weighted + c, products);
          block.zero(sums);
          block.zero(products);
        });
  });
}

void backwardKernel(const float* HWY_RESTRICT x, const float* HWY_RESTRICT dy, Index positions,
                    Index channels, const float* HWY_RESTRICT centre, const float* HWY_RESTRICT a,
                    const float* HWY_RESTRICT b, const float* HWY_RESTRICT offset,
                    float* HWY_RESTRICT dx) {
  forChannels(channels, [&](auto block, Index c) HWY_ATTR {
    constexpr int n = decltype(block)::vectors;
    typename decltype(block)::Vectors m, va, vb, vo;
    block.load(centre + c, m);
    block.load(a + c, va);
    block.load(b + c, vb);
    block.load(offset + c, vo);
    for (Index t = 0; t < positions; ++t) {
#pragma GCC unroll 4
      for (int k = 0; k < n; ++k) {
        const Index at = t * channels + c + k * block.lanes;
        const auto v = hn::Sub(hn::LoadU(block.d, x + at), m[k]);
        const auto rest = hn::MulAdd(vb[k], v, vo[k]);
        hn::StoreU(hn::MulAdd(va[k], hn::LoadU(block.d, dy + at), rest), block.d, dx + at);
      }
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

void channelGradientSums(const float* x, const float* y, float* dy, Index positions, Index channels,
                         const float* centre, const float* scale, double* plain, double* weighted) {
  HWY_DYNAMIC_DISPATCH(gradientSumsKernel)
  (x, y, dy, positions, channels, centre, scale, plain, weighted);
}

void channelBackward(const float* x, const float* dy, Index positions, Index channels,
                     const float* centre, const float* a, const float* b, const float* offset,
                     float* dx) {
  HWY_DYNAMIC_DISPATCH(backwardKernel)(x, dy, positions, channels, centre, a, b, offset, dx);
}

}  // namespace clipscope

#endif  // HWY_ONCE
