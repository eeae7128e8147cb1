// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/gaussian_noise.h"

#include <algorithm>
#include <array>

#include "engine/tensor/philox.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/noise/gaussian_noise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace clipscope::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using WordTag = hn::ScalableTag<std::uint32_t>;
using IntTag = hn::ScalableTag<std::int32_t>;
using FloatTag = hn::ScalableTag<float>;
using Words = hn::Vec<WordTag>;
using Floats = hn::Vec<FloatTag>;

/// Vectors of draws that go through a pass together: Philox's rounds wait for each other, and more
/// chains fill the wait.
constexpr int ways = 2;

#if HWY_TARGET == HWY_SCALAR

struct Draws {
  std::array<std::uint32_t, 4> x;
};

template <int count>
HWY_INLINE void philox(Draws (&draws)[count], const std::uint64_t* HWY_RESTRICT keys) {
  for (Draws& d : draws)
    d.x =
        philox4x32(d.x, {static_cast<std::uint32_t>(keys[0]), static_cast<std::uint32_t>(keys[1])});
}

HWY_INLINE Draws draws(const std::uint32_t* HWY_RESTRICT counter, std::uint64_t first) {
  return {{static_cast<std::uint32_t>(first), static_cast<std::uint32_t>(first >> 32), counter[2],
           counter[3]}};
}

HWY_INLINE Words wordOf(const Draws& d, std::size_t number) {
  return hn::Set(WordTag(), d.x[number]);
}

#else

using WideTag = hn::RepartitionToWide<WordTag>;
using Wide = hn::Vec<WideTag>;

/// One counter in each 64-bit lane, in its low half, which is all that a multiplication reads: the
/// high halves may hold anything. Halves of a product need no sorting this way.
struct Counters {
  Wide x[4];
};

/// Draws p of even number and of odd number go side by side, so that together they fill 32-bit
/// lanes in their order.
struct Draws {
  Counters even, odd;
};

HWY_INLINE void round(Counters& c, Wide key0, Wide key1) {
  const WordTag d;
  const WideTag dw;
  const Wide first =
      hn::MulEven(hn::BitCast(d, c.x[0]), hn::BitCast(d, hn::Set(dw, std::uint64_t{0xD2511F53})));
  const Wide second =
      hn::MulEven(hn::BitCast(d, c.x[2]), hn::BitCast(d, hn::Set(dw, std::uint64_t{0xCD9E8D57})));
  c.x[0] = hn::Xor3(hn::ShiftRight<32>(second), c.x[1], key0);
  c.x[1] = second;
  c.x[2] = hn::Xor3(hn::ShiftRight<32>(first), c.x[3], key1);
  c.x[3] = first;
}

/// Philox4x32-10; `keys` are the ten rounds' pairs.
template <int count>
HWY_INLINE void philox(Draws (&draws)[count], const std::uint64_t* HWY_RESTRICT keys) {
  const WideTag dw;
#pragma GCC unroll 10
  for (int r = 0; r < 10; ++r) {
    const Wide key0 = hn::Set(dw, keys[2 * r]), key1 = hn::Set(dw, keys[2 * r + 1]);
#pragma GCC unroll 4
    for (int w = 0; w < count; ++w) {
      round(draws[w].even, key0, key1);
      round(draws[w].odd, key0, key1);
    }
  }
}

/// The draws first, first + 1, … as philox.h lays them out.
HWY_INLINE Draws draws(const std::uint32_t* HWY_RESTRICT counter, std::uint64_t first) {
  const WideTag dw;
  const Wide even = hn::Add(hn::Set(dw, first), hn::ShiftLeft<1>(hn::Iota(dw, 0)));
  const Wide odd = hn::Add(even, hn::Set(dw, std::uint64_t{1}));
  const Wide step = hn::Set(dw, std::uint64_t{counter[2]});
  const Wide block = hn::Set(dw, std::uint64_t{counter[3]});
  return {{{even, hn::ShiftRight<32>(even), step, block}},
          {{odd, hn::ShiftRight<32>(odd), step, block}}};
}

/// One word of all draws, in their order.
HWY_INLINE Words wordOf(const Draws& d, std::size_t number) {
  const WordTag tag;
  return hn::OddEven(hn::BitCast(tag, hn::ShiftLeft<32>(d.odd.x[number])),
                     hn::BitCast(tag, d.even.x[number]));
}

#endif

/// Where a radius' word is this near to an end, it takes 32 bits more: 2¹⁶ words on each side.
constexpr float tailEnd = 0x1p-16f;
constexpr std::uint64_t tailDraws = std::uint64_t{1} << 63;

/// u of a word x, as u itself below ½ and as u − 1 above, so that it is exact near both ends:
/// (x + ½)/2³².
HWY_INLINE Floats fraction(Words x) {
  const FloatTag df;
  return hn::MulAdd(hn::ConvertTo(df, hn::BitCast(IntTag(), x)), hn::Set(df, 0x1p-32f),
                    hn::Set(df, 0x1p-33f));
}

HWY_INLINE auto isTail(Floats t) { return hn::Lt(hn::Abs(t), hn::Set(FloatTag(), tailEnd)); }

/// The same of 64 bits, high·2³² + low: (⌊w/2⌋ + ½)/2⁶³.
HWY_INLINE Floats longFraction(Words high, Words low) {
  const WordTag dw;
  const IntTag di;
  const FloatTag df;
  // Of the upper half the complement, which is exact: 1 − u has the complement of u's bits.
  const auto upper = hn::BroadcastSignBit(hn::BitCast(di, high));
  const auto mask = hn::BitCast(dw, upper);
  const auto hi = hn::BitCast(di, hn::Xor(high, mask));
  const auto lo = hn::BitCast(di, hn::ShiftRight<1>(hn::Xor(low, mask)));
  const Floats v =
      hn::MulAdd(hn::ConvertTo(df, hi), hn::Set(df, 0x1p-32f),
                 hn::MulAdd(hn::ConvertTo(df, lo), hn::Set(df, 0x1p-63f), hn::Set(df, 0x1p-64f)));
  return hn::IfThenElse(hn::RebindMask(df, hn::Lt(upper, hn::Zero(di))), hn::Neg(v), v);
}

/// √(−2 ln u); t is u or, where that is nearer to 0, u − 1.
HWY_INLINE Floats radius(Floats t) {
  const IntTag di;
  const FloatTag df;
  const Floats one = hn::Set(df, 1.0f);
  const auto upper = hn::Lt(t, hn::Zero(df));
  // ln u = e ln 2 + ln(1 + f) with 1 + f in [√½, √2).
  const auto bits = hn::BitCast(di, hn::IfThenElse(upper, hn::Add(one, t), t));
  const auto e = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(di, 0x3F3504F3)));
  Floats f = hn::Sub(hn::BitCast(df, hn::Sub(bits, hn::ShiftLeft<23>(e))), one);
  // Near 1 it is u − 1 itself.
  f = hn::IfThenElse(hn::And(upper, hn::RebindMask(df, hn::Eq(e, hn::Zero(di)))), t, f);
  // −2 ln(1 + f): the polynomial of Cephes logf, times −2.
  const Floats square = hn::Mul(f, f);
  Floats p = hn::Set(df, -2 * 7.0376836292e-2f);
  for (const float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                        -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    p = hn::MulAdd(p, f, hn::Set(df, -2 * c));
  p = hn::MulAdd(p, hn::Mul(square, f), square);
  p = hn::NegMulAdd(hn::Set(df, 2.0f), f, p);
  return hn::Sqrt(hn::MulAdd(hn::ConvertTo(df, e), hn::Set(df, -1.38629436f), p));
}

/// r times a uniform direction from a word: its low 30 bits an angle in ±π/4, its two top bits the
/// quadrant.
HWY_INLINE void onCircle(Floats r, Words a, Floats& x, Floats& y) {
  const WordTag dw;
  const IntTag di;
  const FloatTag df;
  const auto word = hn::BitCast(di, a);
  const auto rest = hn::ShiftRight<2>(hn::ShiftLeft<2>(word));
  const Floats t =
      hn::Mul(hn::ConvertTo(df, rest), hn::Set(df, 1.46291807926715968e-9f));  // π/4 / 2²⁹
  const Floats q = hn::Mul(t, t);
  Floats s = hn::MulAdd(hn::Set(df, -1.9515295891e-4f), q, hn::Set(df, 8.3321608736e-3f));
  s = hn::MulAdd(s, q, hn::Set(df, -1.6666654611e-1f));
  s = hn::MulAdd(hn::Mul(s, q), t, t);
  Floats c = hn::MulAdd(hn::Set(df, 2.443315711809948e-5f), q, hn::Set(df, -1.388731625493765e-3f));
  c = hn::MulAdd(c, q, hn::Set(df, 4.166664568298827e-2f));
  c = hn::MulAdd(hn::Mul(c, q), q, hn::NegMulAdd(hn::Set(df, 0.5f), q, hn::Set(df, 1.0f)));
  // A quarter turn swaps them; the half turn negates both. Together the four quadrants.
  const auto swap = hn::RebindMask(df, hn::Lt(word, hn::Zero(di)));
  const auto half = hn::And(hn::ShiftLeft<1>(a), hn::Set(dw, 0x80000000u));
  const Floats signedR = hn::BitCast(df, hn::Xor(hn::BitCast(dw, r), half));
  x = hn::Mul(signedR, hn::IfThenElse(swap, s, c));
  y = hn::Mul(signedR, hn::IfThenElse(swap, c, s));
}

/// Draws 16b … 16b + 15 make block b of 64 values: `blocks` blocks from the one whose first draw
/// is `first`, an even number of them.
void normalsKernel(const std::uint32_t* HWY_RESTRICT counter, const std::uint32_t* HWY_RESTRICT key,
                   std::uint64_t first, std::uint64_t blocks, float* HWY_RESTRICT out) {
  constexpr std::uint64_t side = 16;
  const FloatTag df;
  const std::uint64_t lanes = hn::Lanes(df);
  std::uint64_t keys[20];
  for (std::uint32_t r = 0; r < 10; ++r) {
    keys[2 * r] = key[0] + r * 0x9E3779B9u;
    keys[2 * r + 1] = key[1] + r * 0xBB67AE85u;
  }
  for (std::uint64_t done = 0; done < blocks * side; done += ways * lanes) {
    Draws d[ways];
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w)
      d[w] = draws(counter, first + done + static_cast<std::uint64_t>(w) * lanes);
    philox(d, keys);
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w) {
      const std::uint64_t draw = done + static_cast<std::uint64_t>(w) * lanes;
      const Words wordA = wordOf(d[w], 0), wordB = wordOf(d[w], 2);
      Floats a = fraction(wordA), b = fraction(wordB);
      const auto tails = hn::Or(isTail(a), isTail(b));
      if (HWY_UNLIKELY(!hn::AllFalse(df, tails))) {
        Draws more[1] = {draws(counter, (first + draw) | tailDraws)};
        philox(more, keys);
        a = hn::IfThenElse(isTail(a), longFraction(wordA, wordOf(more[0], 0)), a);
        b = hn::IfThenElse(isTail(b), longFraction(wordB, wordOf(more[0], 1)), b);
      }
      float* HWY_RESTRICT target = out + draw / side * 4 * side + draw % side;
      Floats x, y;
      onCircle(radius(a), wordOf(d[w], 1), x, y);
      hn::StoreU(x, df, target);
      hn::StoreU(y, df, target + side);
      onCircle(radius(b), wordOf(d[w], 3), x, y);
      hn::StoreU(x, df, target + 2 * side);
      hn::StoreU(y, df, target + 3 * side);
    }
  }
}

float radiusKernel(std::uint64_t word) {
  const WordTag d;
  const Words high = hn::Set(d, static_cast<std::uint32_t>(word >> 32));
  Floats t = fraction(high);
  t = hn::IfThenElse(isTail(t), longFraction(high, hn::Set(d, static_cast<std::uint32_t>(word))),
                     t);
  return hn::GetLane(radius(t));
}

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include "engine/tensor/parallel.h"

namespace clipscope {

HWY_EXPORT(normalsKernel);
HWY_EXPORT(radiusKernel);

namespace {

/// Values that the kernel makes at a time: two blocks.
constexpr std::uint64_t stride = 128;

void fillRange(const DrawKey& stream, std::uint64_t first, float* out, std::uint64_t count) {
  const auto key = philoxKey(stream);
  const auto counter = philoxCounter(stream, 0);
  const auto make = [&](std::uint64_t from, std::uint64_t values, float* target) {
    HWY_DYNAMIC_DISPATCH(normalsKernel)
    (counter.data(), key.data(), from / 4, values / 64, target);
  };
  // Whole strides straight into `out`, what sticks out at the ends through a buffer.
  const std::uint64_t end = first + count;
  while (first < end) {
    const std::uint64_t skipped = first % stride;
    std::uint64_t made = (end - first) / stride * stride;
    if (skipped == 0 && made > 0) {
      make(first, made, out);
    } else {
      float buffer[stride];
      make(first - skipped, stride, buffer);
      made = std::min(stride - skipped, end - first);
      std::copy_n(buffer + skipped, made, out);
    }
    first += made;
    out += made;
  }
}

}  // namespace

void fillNormals(const DrawKey& stream, std::uint64_t first, std::span<float> out) {
  // Parts of whole strides; every value is the same wherever the cuts are.
  const std::uint64_t count = out.size();
  const auto parts = static_cast<Index>((count + stride - 1) / stride);
  parallelRanges(parts, static_cast<Index>(count) * 8, [&](Index from, Index to) {
    const std::uint64_t begin = static_cast<std::uint64_t>(from) * stride;
    const std::uint64_t end = std::min(count, static_cast<std::uint64_t>(to) * stride);
    fillRange(stream, first + begin, out.data() + begin, end - begin);
  });
}

float normalRadius(std::uint64_t word) { return HWY_DYNAMIC_DISPATCH(radiusKernel)(word); }

}  // namespace clipscope

#endif  // HWY_ONCE
