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

/// A window of size × size cells, all of them inside; the compiler can unroll it.
template <int size>
struct WholeWindow {
  Index first;  ///< its first cell, in floats

  template <class Body>
  HWY_INLINE void forCells(const PoolGeometry& p, Body&& body) const {
#pragma GCC unroll 3
    for (Index a = 0; a < size; ++a)
#pragma GCC unroll 3
      for (Index b = 0; b < size; ++b)
        body(first + (a * p.width + b) * p.channels, static_cast<float>(a * size + b));
  }
  HWY_INLINE float meanShare(const PoolGeometry&, bool) const {
    return 1.0f / static_cast<float>(size * size);
  }
};

/// Any window, and those of its cells that are inside.
struct PartWindow {
  Index top, left;  ///< of its first cell, were it inside
  Cells rows, columns;

  template <class Body>
  HWY_INLINE void forCells(const PoolGeometry& p, Body&& body) const {
    for (Index a = rows.first; a < rows.last; ++a)
      for (Index b = columns.first; b < columns.last; ++b)
        body(((top + a) * p.width + left + b) * p.channels,
             static_cast<float>(a * p.kernel[1] + b));
  }
  /// One by the number of cells that a mean is over.
  HWY_INLINE float meanShare(const PoolGeometry& p, bool countPadding) const {
    // The padding counts, but not what lies beyond it.
    const Index bottom = std::min(top + p.kernel[0], p.height + p.padding[0]);
    const Index right = std::min(left + p.kernel[1], p.width + p.padding[1]);
    const Index padded = (bottom - top) * (right - left);
    const Index inside = (rows.last - rows.first) * (columns.last - columns.first);
    return 1.0f / static_cast<float>(countPadding ? padded : inside);
  }
};

/// As many channels as D has lanes.
template <class D, class Window>
HWY_INLINE void forwardWindow(D d, const PoolGeometry& p, const Window& window,
                              const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
                              float* HWY_RESTRICT winner) {
  auto best = hn::Zero(d), number = hn::Zero(d);
  bool first = true;
  window.forCells(p, [&](Index cell, float index) HWY_ATTR {
    const auto value = hn::LoadU(d, x + cell);
    if (first) {
      best = value;
      number = hn::Set(d, index);
      first = false;
      return;
    }
    // Not "value > best" alone: that would lose a NaN.
    const auto take = hn::Or(hn::Gt(value, best), hn::Ne(value, value));
    best = hn::IfThenElse(take, value, best);
    number = hn::IfThenElse(take, hn::Set(d, index), number);
  });
  hn::StoreU(best, d, y);
  hn::StoreU(number, d, winner);
}

/// Whether a backward pass may write the windows' cells as they come: windows that do not overlap;
/// and whether together they are the whole picture, so that nothing else needs a 0.
struct Overlap {
  bool disjoint, whole;

  explicit Overlap(const PoolGeometry& p)
      : disjoint(p.kernel[0] <= p.stride[0] && p.kernel[1] <= p.stride[1]),
        whole(disjoint && p.kernel[0] == p.stride[0] && p.kernel[1] == p.stride[1] &&
              p.padding[0] == 0 && p.padding[1] == 0 && p.outHeight * p.stride[0] == p.height &&
              p.outWidth * p.stride[1] == p.width) {}
};

/// target = value, or += value where a neighbouring window may have been there.
template <class D, class V>
HWY_INLINE void give(D d, V value, bool disjoint, float* target) {
  hn::StoreU(disjoint ? value : hn::Add(hn::LoadU(d, target), value), d, target);
}

template <class D, class Window>
HWY_INLINE void backwardWindow(D d, const PoolGeometry& p, const Window& window,
                               const float* HWY_RESTRICT dy, const float* HWY_RESTRICT winner,
                               bool disjoint, float* HWY_RESTRICT dx) {
  const auto gradient = hn::LoadU(d, dy);
  const auto number = hn::LoadU(d, winner);
  window.forCells(p, [&](Index cell, float index) HWY_ATTR {
    const auto won = hn::Eq(number, hn::Set(d, index));
    give(d, hn::IfThenElseZero(won, gradient), disjoint, dx + cell);
  });
}

/// Calls body(d, channel) for runs of channels as long as d.
template <class Body>
HWY_INLINE void forVectors(Index channels, Body&& body) {
  const hn::ScalableTag<float> d;
  const hn::CappedTag<float, 1> one;
  const Index lanes = static_cast<Index>(hn::Lanes(d));
  Index c = 0;
  for (; c + lanes <= channels; c += lanes) body(d, c);
  for (; c < channels; ++c) body(one, c);
}

/// Calls body(d, window, channel, at) for the output positions first … last − 1 of a row whose
/// windows are whole, and runs of channels.
template <int size, class Body>
HWY_INLINE void forWholeWindows(const PoolGeometry& p, Index row, Index first, Index last,
                                Body&& body) {
  const Index top = row * p.stride[0] - p.padding[0];
  forVectors(p.channels, [&](auto d, Index c) HWY_ATTR {
    Index cell = (top * p.width + first * p.stride[1] - p.padding[1]) * p.channels;
    Index at = (row * p.outWidth + first) * p.channels;
    for (Index column = first; column < last; ++column) {
      body(d, WholeWindow<size>{cell}, c, at);
      cell += p.stride[1] * p.channels;
      at += p.channels;
    }
  });
}

/// The same for every output position.
template <class Body>
HWY_INLINE void forWindows(const PoolGeometry& p, Body&& body) {
  const Index size = p.kernel[0] == p.kernel[1] ? p.kernel[0] : 0;
  // Of a row, the positions whose windows lie between the picture's left and right edge.
  const Index before = std::min((p.padding[1] + p.stride[1] - 1) / p.stride[1], p.outWidth);
  const Index room = p.width + p.padding[1] - p.kernel[1];
  const Index behind = room < 0 ? before : std::clamp(room / p.stride[1] + 1, before, p.outWidth);
  for (Index row = 0; row < p.outHeight; ++row) {
    const Index top = row * p.stride[0] - p.padding[0];
    const Cells rows = cellsInside(top, p.kernel[0], p.height);
    const auto parts = [&](Index first, Index last) HWY_ATTR {
      for (Index column = first; column < last; ++column) {
        const Index left = column * p.stride[1] - p.padding[1];
        const PartWindow window{top, left, rows, cellsInside(left, p.kernel[1], p.width)};
        forVectors(p.channels, [&](auto d, Index c) HWY_ATTR {
          body(d, window, c, (row * p.outWidth + column) * p.channels);
        });
      }
    };
    if (rows.last - rows.first != size || (size != 2 && size != 3)) {
      parts(0, p.outWidth);
      continue;
    }
    parts(0, before);
    if (size == 2)
      forWholeWindows<2>(p, row, before, behind, body);
    else
      forWholeWindows<3>(p, row, before, behind, body);
    parts(behind, p.outWidth);
  }
}

void forwardKernel(const PoolGeometry& p, const float* HWY_RESTRICT x, float* HWY_RESTRICT y,
                   float* HWY_RESTRICT winner) {
  forWindows(p, [&](auto d, const auto& window, Index c, Index at)
                    HWY_ATTR { forwardWindow(d, p, window, x + c, y + at + c, winner + at + c); });
}

/// Windows of 2 × 2 one cell apart: a cell gathers from the four windows that it is in, those to
/// its left by what they leave to their right. Every value is read twice and written once.
void gatherFromTwoByTwo(const PoolGeometry& p, const float* HWY_RESTRICT dy,
                        const float* HWY_RESTRICT winner, float* HWY_RESTRICT dx) {
  const Index row = p.outWidth * p.channels;
  for (Index y = 0; y < p.height; ++y) {
    const bool below = y<p.outHeight, above = y> 0;
    forVectors(p.channels, [&](auto d, Index c) HWY_ATTR {
      const Index at = y * row + c;
      auto left = hn::Zero(d);
      for (Index x = 0; x < p.width; ++x) {
        auto sum = left;
        left = hn::Zero(d);
        const auto take = [&](Index window, float first) HWY_ATTR {
          const auto gradient = hn::LoadU(d, dy + window);
          const auto number = hn::LoadU(d, winner + window);
          sum = hn::Add(sum, hn::IfThenElseZero(hn::Eq(number, hn::Set(d, first)), gradient));
          left = hn::Add(left, hn::IfThenElseZero(hn::Eq(number, hn::Set(d, first + 1)), gradient));
        };
        if (x < p.outWidth) {
          if (above) take(at - row + x * p.channels, 2.0f);
          if (below) take(at + x * p.channels, 0.0f);
        }
        hn::StoreU(sum, d, dx + (y * p.width + x) * p.channels + c);
      }
    });
  }
}

void backwardKernel(const PoolGeometry& p, const float* HWY_RESTRICT dy,
                    const float* HWY_RESTRICT winner, float* HWY_RESTRICT dx) {
  const auto are = [](const auto& pair, Index wanted) {
    return pair[0] == wanted && pair[1] == wanted;
  };
  if (are(p.kernel, 2) && are(p.stride, 1) && are(p.padding, 0)) {
    gatherFromTwoByTwo(p, dy, winner, dx);
    return;
  }
  const Overlap overlap(p);
  if (!overlap.whole) std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  forWindows(p, [&](auto d, const auto& window, Index c, Index at) HWY_ATTR {
    backwardWindow(d, p, window, dy + at + c, winner + at + c, overlap.disjoint, dx + c);
  });
}

void meanForwardKernel(const PoolGeometry& p, bool countPadding, const float* HWY_RESTRICT x,
                       float* HWY_RESTRICT y) {
  forWindows(p, [&](auto d, const auto& window, Index c, Index at) HWY_ATTR {
    auto sum = hn::Zero(d);
    window.forCells(
        p, [&](Index cell, float) HWY_ATTR { sum = hn::Add(sum, hn::LoadU(d, x + c + cell)); });
    hn::StoreU(hn::Mul(sum, hn::Set(d, window.meanShare(p, countPadding))), d, y + at + c);
  });
}

void meanBackwardKernel(const PoolGeometry& p, bool countPadding, const float* HWY_RESTRICT dy,
                        float* HWY_RESTRICT dx) {
  const Overlap overlap(p);
  if (!overlap.whole) std::fill_n(dx, p.height * p.width * p.channels, 0.0f);
  forWindows(p, [&](auto d, const auto& window, Index c, Index at) HWY_ATTR {
    const auto part =
        hn::Mul(hn::LoadU(d, dy + at + c), hn::Set(d, window.meanShare(p, countPadding)));
    window.forCells(
        p, [&](Index cell, float) HWY_ATTR { give(d, part, overlap.disjoint, dx + c + cell); });
  });
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace clipscope {

HWY_EXPORT(forwardKernel);
HWY_EXPORT(backwardKernel);
HWY_EXPORT(meanForwardKernel);
HWY_EXPORT(meanBackwardKernel);

void maxPoolForward(const PoolGeometry& pool, const float* x, float* y, float* winner) {
  HWY_DYNAMIC_DISPATCH(forwardKernel)(pool, x, y, winner);
}

void maxPoolBackward(const PoolGeometry& pool, const float* dy, const float* winner, float* dx) {
  HWY_DYNAMIC_DISPATCH(backwardKernel)(pool, dy, winner, dx);
}

void meanPoolForward(const PoolGeometry& pool, bool countPadding, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(meanForwardKernel)(pool, countPadding, x, y);
}

void meanPoolBackward(const PoolGeometry& pool, bool countPadding, const float* dy, float* dx) {
  HWY_DYNAMIC_DISPATCH(meanBackwardKernel)(pool, countPadding, dy, dx);
}

}  // namespace clipscope

#endif  // HWY_ONCE
