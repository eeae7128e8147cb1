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

/// The cells [first, last) of a window along one axis that lie inside the picture.
struct Cells {
  Index first, last;
};

HWY_INLINE Cells cellsInside(Index start, Index kernel, Index extent) {
  return {start < 0 ? -start : 0, start + kernel > extent ? extent - start : kernel};
}

/// `step` channels from `c` on, in whole vectors (D of full width) or one at a time (D of one
/// lane).
template <class D>
HWY_INLINE void forwardWindow(D d, const PoolGeometry& p, const float* HWY_RESTRICT x, Index top,
                              Index left, Cells rows, Cells columns, float* HWY_RESTRICT y,
                              float* HWY_RESTRICT winner) {
  auto best = hn::Zero(d), number = hn::Zero(d);
  bool first = true;
  for (Index a = rows.first; a < rows.last; ++a)
    for (Index b = columns.first; b < columns.last; ++b) {
      const auto value = hn::LoadU(d, x + ((top + a) * p.width + left + b) * p.channels);
      const auto index = hn::Set(d, static_cast<float>(a * p.kernel[1] + b));
      if (first) {
        best = value;
        number = index;
        first = false;
        continue;
      }
      // Not "value > best" alone: that would lose a NaN.
      const auto take = hn::Or(hn::Gt(value, best), hn::Ne(value, value));
      best = hn::IfThenElse(take, value, best);
      number = hn::IfThenElse(take, index, number);
    }
  hn::StoreU(best, d, y);
  hn::StoreU(number, d, winner);
}

template <class D>
HWY_INLINE void backwardWindow(D d, const PoolGeometry& p, const float* HWY_RESTRICT dy,
                               const float* HWY_RESTRICT winner, Index top, Index left, Cells rows,
                               Cells columns, float* HWY_RESTRICT dx) {
  const auto gradient = hn::LoadU(d, dy);
  const auto number = hn::LoadU(d, winner);
  for (Index a = rows.first; a < rows.last; ++a)
    for (Index b = columns.first; b < columns.last; ++b) {
      float* HWY_RESTRICT cell = dx + ((top + a) * p.width + left + b) * p.channels;
      const auto won = hn::Eq(number, hn::Set(d, static_cast<float>(a * p.kernel[1] + b)));
      hn::StoreU(hn::Add(hn::LoadU(d, cell), hn::IfThenElseZero(won, gradient)), d, cell);
    }
}

/// Calls window(d, channel, at, top, left, rows, columns) for every output and run of channels.
template <class Window>
HWY_INLINE void forWindows(const PoolGeometry& p, Window&& window) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  for (Index row = 0; row < p.outHeight; ++row) {
    const Index top = row * p.stride[0] - p.padding[0];
    const Cells rows = cellsInside(top, p.kernel[0], p.height);
    for (Index column = 0; column < p.outWidth; ++column) {
      const Index left = column * p.stride[1] - p.padding[1];
      const Cells columns = cellsInside(left, p.kernel[1], p.width);
      const Index at = (row * p.outWidth + column) * p.channels;
      Index c = 0;
      for (; c + lanes <= p.channels; c += lanes) window(d, c, at, top, left, rows, columns);
      for (; c < p.channels; ++c) window(one, c, at, top, left, rows, columns);
    }
  }
}

void forwardKernel(const PoolGeometry& p, const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
                   float* HWY_RESTRICT winner) {
  forWindows(
      p, [&](auto d, Index c, Index at, Index top, Index left, Cells rows, Cells columns) HWY_ATTR {
        forwardWindow(d, p, x + c, top, left, rows, columns, y + at + c, winner + at + c);
      });
}

void backwardKernel(const PoolGeometry& p, const float* HWY_RESTRICT dy,
                    const float* HWY_RESTRICT winner, float* HWY_RESTRICT dx) {
  std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  forWindows(
      p, [&](auto d, Index c, Index at, Index top, Index left, Cells rows, Cells columns) HWY_ATTR {
        backwardWindow(d, p, dy + at + c, winner + at + c, top, left, rows, columns, dx + c);
      });
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(forwardKernel);
HWY_EXPORT(backwardKernel);

void maxPoolForward(const PoolGeometry& pool, const float* x, float* y, float* winner) {
  HWY_DYNAMIC_DISPATCH(forwardKernel)(pool, x, y, winner);
}

void maxPoolBackward(const PoolGeometry& pool, const float* dy, const float* winner, float* dx) {
  HWY_DYNAMIC_DISPATCH(backwardKernel)(pool, dy, winner, dx);
}

}  // namespace clipscope

#endif  // HWY_ONCE
