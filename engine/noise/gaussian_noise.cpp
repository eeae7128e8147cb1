// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/noise/gaussian_noise.h"

#include <algorithm>

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

/// The high and low words of a·m, lane by lane.
HWY_INLINE void multiply(Words a, Words m, Words& high, Words& low) {
  const WordTag d;
#if HWY_TARGET == HWY_SCALAR
  const std::uint64_t product = std::uint64_t{hn::GetLane(a)} * hn::GetLane(m);
  low = hn::Set(d, static_cast<std::uint32_t>(product));
  high = hn::Set(d, static_cast<std::uint32_t>(product >> 32));
#else
  const hn::RepartitionToWide<WordTag> wide;
  const auto even = hn::MulEven(a, m);
  const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, a))), m);
  low = hn::OddEven(hn::BitCast(d, hn::ShiftLeft<32>(odd)), hn::BitCast(d, even));
  high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, hn::ShiftRight<32>(even)));
#endif
}

/// One counter a lane.
struct Counters {
  Words x[4];
};

/// Vectors that go through a pass together: Philox's rounds wait for each other, and a second chain
/// fills the wait.
constexpr int ways = 2;

/// Philox4x32-10; `keys` are the ten rounds' pairs.
HWY_INLINE void philox(Counters (&c)[ways], const std::uint32_t* HWY_RESTRICT keys) {
  const WordTag d;
  const Words m0 = hn::Set(d, 0xD2511F53u), m1 = hn::Set(d, 0xCD9E8D57u);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round)
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w) {
      Words high0, low0, high1, low1;
      multiply(c[w].x[0], m0, high0, low0);
      multiply(c[w].x[2], m1, high1, low1);
      c[w].x[0] = hn::Xor3(high1, c[w].x[1], hn::Set(d, keys[2 * round]));
      c[w].x[1] = low1;
      c[w].x[2] = hn::Xor3(high0, c[w].x[3], hn::Set(d, keys[2 * round + 1]));
      c[w].x[3] = low0;
    }
}

/// √(−2 ln u) for u = (⌊w/2⌋ + ½)/2⁶³, w = {low, high}.
HWY_INLINE Floats radius(Words low, Words high) {
  const WordTag dw;
  const IntTag di;
  const FloatTag df;
  // v = min(u, 1 − u), exactly, by complementing the word: both ends keep their precision.
  const auto upperHalf = hn::BroadcastSignBit(hn::BitCast(di, high));
  const auto mask = hn::BitCast(dw, upperHalf);
  const auto hi = hn::BitCast(di, hn::Xor(high, mask));
  const auto lo = hn::BitCast(di, hn::ShiftRight<1>(hn::Xor(low, mask)));
  const Floats v =
      hn::MulAdd(hn::ConvertTo(df, hi), hn::Set(df, 0x1p-32f),
                 hn::MulAdd(hn::ConvertTo(df, lo), hn::Set(df, 0x1p-63f), hn::Set(df, 0x1p-64f)));
  const auto upper = hn::RebindMask(df, hn::Lt(upperHalf, hn::Zero(di)));

  // ln v = e ln 2 + ln(1 + f) with 1 + f in [√½, √2).
  const auto bits = hn::BitCast(di, v);
  auto exponent = hn::Sub(hn::ShiftRight<23>(bits), hn::Set(di, 127));
  auto mantissa =
      hn::BitCast(df, hn::Or(hn::And(bits, hn::Set(di, 0x7FFFFF)), hn::Set(di, 0x3F800000)));
  const auto large = hn::Gt(mantissa, hn::Set(df, 1.41421356f));
  mantissa = hn::IfThenElse(large, hn::Mul(mantissa, hn::Set(df, 0.5f)), mantissa);
  const Floats one = hn::Set(df, 1.0f);
  Floats e = hn::Add(hn::ConvertTo(df, exponent), hn::IfThenElseZero(large, one));
  Floats f = hn::Sub(mantissa, one);
  // ln(1 − v), for u near 1: −v itself, or 1 − v = ½(1 + (1 − 2v)); both differences are exact.
  const auto near = hn::Le(v, hn::Set(df, 0.29289322f));
  const Floats upperE = hn::IfThenElse(near, hn::Zero(df), hn::Set(df, -1.0f));
  const Floats upperF = hn::IfThenElse(near, hn::Neg(v), hn::NegMulAdd(hn::Set(df, 2.0f), v, one));
  e = hn::IfThenElse(upper, upperE, e);
  f = hn::IfThenElse(upper, upperF, f);

  // ln(1 + f): the polynomial of Cephes logf.
  const Floats square = hn::Mul(f, f);
  Floats p = hn::Set(df, 7.0376836292e-2f);
  for (const float c : {-1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                        -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f})
    p = hn::MulAdd(p, f, hn::Set(df, c));
  p = hn::Mul(hn::Mul(p, f), square);
  p = hn::MulAdd(e, hn::Set(df, -2.12194440e-4f), p);
  p = hn::NegMulAdd(hn::Set(df, 0.5f), square, p);
  const Floats logarithm = hn::MulAdd(e, hn::Set(df, 0.693359375f), hn::Add(f, p));
  return hn::Sqrt(hn::Mul(hn::Set(df, -2.0f), logarithm));
}

/// A uniform direction from a word: its low 30 bits an angle in ±π/4, its two top bits the
/// quadrant.
HWY_INLINE void circle(Words a, Floats& cosine, Floats& sine) {
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
  const auto negate = hn::RebindMask(df, hn::Lt(hn::ShiftLeft<1>(word), hn::Zero(di)));
  const Floats x = hn::IfThenElse(swap, s, c);
  const Floats y = hn::IfThenElse(swap, c, s);
  cosine = hn::IfThenElse(negate, hn::Neg(x), x);
  sine = hn::IfThenElse(negate, hn::Neg(y), y);
}

/// `counter` and `key` as philox.h lays them out, position = first pair; writes 2·pairs values.
/// `pairs` is a multiple of `ways` vectors' lanes.
void normalsKernel(const std::uint32_t* HWY_RESTRICT counter, const std::uint32_t* HWY_RESTRICT key,
                   std::uint64_t pairs, float* HWY_RESTRICT out) {
  const WordTag d;
  const FloatTag df;
  const std::uint64_t lanes = hn::Lanes(d);
  std::uint64_t position = counter[0] | std::uint64_t{counter[1]} << 32;
  std::uint32_t keys[20];
  for (std::uint32_t round = 0; round < 10; ++round) {
    keys[2 * round] = key[0] + round * 0x9E3779B9u;
    keys[2 * round + 1] = key[1] + round * 0xBB67AE85u;
  }
  for (std::uint64_t done = 0; done < pairs; done += ways * lanes) {
    Counters c[ways];
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w, position += lanes) {
      const Words base = hn::Set(d, static_cast<std::uint32_t>(position));
      const Words high = hn::Set(d, static_cast<std::uint32_t>(position >> 32));
      c[w].x[0] = hn::Add(base, hn::Iota(d, 0));
      c[w].x[1] = hn::IfThenElse(hn::Lt(c[w].x[0], base), hn::Add(high, hn::Set(d, 1u)), high);
      c[w].x[2] = hn::Set(d, counter[2]);
      c[w].x[3] = hn::Set(d, counter[3]);
    }
    philox(c, keys);
#pragma GCC unroll 4
    for (int w = 0; w < ways; ++w) {
      const Floats r = radius(c[w].x[0], c[w].x[1]);
      Floats cosine, sine;
      circle(c[w].x[2], cosine, sine);
      hn::StoreInterleaved2(hn::Mul(r, cosine), hn::Mul(r, sine), df,
                            out + 2 * (done + static_cast<std::uint64_t>(w) * lanes));
    }
  }
}

float radiusKernel(std::uint64_t word) {
  const WordTag d;
  return hn::GetLane(radius(hn::Set(d, static_cast<std::uint32_t>(word)),
                            hn::Set(d, static_cast<std::uint32_t>(word >> 32))));
}

/// Pairs that the kernel makes at a time.
std::uint64_t strideKernel() { return ways * hn::Lanes(WordTag()); }

}  // namespace clipscope::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

#include <omp.h>

#include "engine/tensor/parallel.h"

namespace clipscope {

HWY_EXPORT(normalsKernel);
HWY_EXPORT(radiusKernel);
HWY_EXPORT(strideKernel);

namespace {

/// Whole vectors straight into `out`, the rest through a small buffer. `first` is even.
void fillPairs(const DrawKey& stream, std::uint64_t first, float* out, std::uint64_t count) {
  const auto key = philoxKey(stream);
  const std::uint64_t stride = HWY_DYNAMIC_DISPATCH(strideKernel)();
  const std::uint64_t whole = count / (2 * stride) * stride;
  auto counter = philoxCounter(stream, first / 2);
  HWY_DYNAMIC_DISPATCH(normalsKernel)(counter.data(), key.data(), whole, out);
  const std::uint64_t left = count - 2 * whole;
  if (left == 0) return;
  float buffer[2 * 2 * 64];
  counter = philoxCounter(stream, first / 2 + whole);
  HWY_DYNAMIC_DISPATCH(normalsKernel)(counter.data(), key.data(), stride, buffer);
  std::copy_n(buffer, left, out + 2 * whole);
}

}  // namespace

void fillNormals(const DrawKey& stream, std::uint64_t first, std::span<float> out) {
  float* target = out.data();
  std::uint64_t count = out.size();
  if (first % 2 == 1 && count > 0) {
    float pair[2];
    fillPairs(stream, first - 1, pair, 2);
    *target++ = pair[1];
    ++first;
    --count;
  }
  // Parts of whole cache lines; every value is the same wherever the cuts are.
  const Index lines = static_cast<Index>((count + 63) / 64);
  parallelRanges(lines, static_cast<Index>(count) * 8, [&](Index from, Index to) {
    const std::uint64_t begin = static_cast<std::uint64_t>(from) * 64;
    const std::uint64_t end = std::min(count, static_cast<std::uint64_t>(to) * 64);
    fillPairs(stream, first + begin, target + begin, end - begin);
  });
}

float normalRadius(std::uint64_t word) { return HWY_DYNAMIC_DISPATCH(radiusKernel)(word); }

}  // namespace clipscope

#endif  // HWY_ONCE
