// SPDX-License-Identifier: GPL-3.0-or-later
#include <hwy/targets.h>

#include <Random123/philox.h>
#undef philox4x32  // its macro has the name of our function

#include <QTest>
#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <numbers>

#include "engine/noise/gaussian_noise.h"
#include "engine/tensor/philox.h"

using namespace clipscope;

/// The noise is what privacy rests on: its words, its radius, its distribution and its tail, each
/// against a source of its own. Seeds are fixed, so a verdict never changes by chance; the stated
/// probabilities say how likely a sound generator would be to fail had the seed been drawn afresh.
class TestGaussianNoise : public QObject {
  Q_OBJECT

 private slots:
  void everyValueFollowsFromItsWords();
  void radiusIsRightToTheEnds();
  void moments();
  void kolmogorovSmirnov();
  void tailBeyondFive();
  void anyPartCanBeDrawnAgain();
  void sameBitsOnEveryVectorUnit();
};

namespace {

const DrawKey stream{2024, DrawPurpose::Noise, 17, 2};

std::vector<float> draw(std::uint64_t first, std::size_t count, const DrawKey& key = stream) {
  std::vector<float> values(count);
  fillNormals(key, first, values);
  return values;
}

}  // namespace

void TestGaussianNoise::everyValueFollowsFromItsWords() {
  // Random123's words and the C library's log, sqrt, cos and sin in double. Enough draws that some
  // hundred words lie near an end of their range and take more bits.
  constexpr std::uint64_t draws = 1 << 20;
  const auto values = draw(0, 4 * draws);
  const auto key = philoxKey(stream);
  r123::Philox4x32 oracle;
  const auto words = [&](std::uint64_t p) {
    const auto c = philoxCounter(stream, p);
    return oracle({{c[0], c[1], c[2], c[3]}}, {{key[0], key[1]}});
  };
  int tails = 0;
  for (std::uint64_t p = 0; p < draws; ++p) {
    const auto x = words(p);
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const std::uint32_t radius = x[2 * pair], angle = x[2 * pair + 1];
      // −ln u, in the upper half from 1 − u.
      const bool upper = radius >= 0x80000000u;
      double v = ((upper ? ~radius : radius) + 0.5) * 0x1p-32;
      if (radius < 65536 || radius >= 0xFFFF0000u) {
        const std::uint64_t w =
            std::uint64_t{radius} << 32 | words(p | std::uint64_t{1} << 63)[pair];
        v = (static_cast<double>((upper ? ~w : w) / 2) + 0.5) * 0x1p-63;
        ++tails;
      }
      const double r = std::sqrt(-2 * (upper ? std::log1p(-v) : std::log(v)));
      // 30 bits, signed.
      const double s =
          static_cast<double>(angle & 0x3FFFFFFF) - (angle & 0x20000000 ? 1073741824.0 : 0);
      const double t = std::numbers::pi / 4 * s / 536870912.0;
      double a = std::cos(t), b = std::sin(t);
      if (angle & 0x80000000u) std::swap(a, b);
      if (angle & 0x40000000u) a = -a, b = -b;
      const float* got = values.data() + p / 16 * 64 + p % 16 + 32 * pair;
      if (std::abs(static_cast<double>(got[0]) - r * a) < 2e-6 &&
          std::abs(static_cast<double>(got[16]) - r * b) < 2e-6)
        continue;
      QFAIL(qPrintable(QString("draw %1: %2, %3 wanted %4, %5")
                           .arg(p)
                           .arg(got[0])
                           .arg(got[16])
                           .arg(r * a)
                           .arg(r * b)));
    }
  }
  QVERIFY2(tails > 30, qPrintable(QString::number(tails)));  // 64 expected
}

void TestGaussianNoise::radiusIsRightToTheEnds() {
  for (int shift = 0; shift < 64; ++shift)
    for (const std::uint64_t word : {std::uint64_t{1} << shift, (std::uint64_t{1} << shift) - 1,
                                     ~std::uint64_t{0} >> shift, ~(std::uint64_t{1} << shift)}) {
      // u and 1 − u exactly in 80 bits.
      const std::uint64_t high = word >> 32;
      long double u = (static_cast<long double>(high) + 0.5L) / 4294967296.0L;
      long double tail = (static_cast<long double>(4294967295u - high) + 0.5L) / 4294967296.0L;
      if (high < 65536 || high >= 0xFFFF0000u) {
        u = (static_cast<long double>(word / 2) + 0.5L) / 9223372036854775808.0L;
        tail = (static_cast<long double>(~word / 2) + 0.5L) / 9223372036854775808.0L;
      }
      const long double log = u < 0.5L ? std::log(u) : std::log1p(-tail);
      const double wanted = static_cast<double>(std::sqrt(-2 * log));
      QVERIFY2(std::abs(static_cast<double>(normalRadius(word)) - wanted) <= 1e-6 * wanted,
               qPrintable(
                   QString("word %1: %2 wanted %3").arg(word).arg(normalRadius(word)).arg(wanted)));
    }
  // The ends of what takes more bits.
  for (const std::uint64_t high : {65535u, 65536u, 0xFFFEFFFFu, 0xFFFF0000u}) {
    const bool bits = high < 65536 || high >= 0xFFFF0000u;
    QCOMPARE(normalRadius(high << 32) != normalRadius(high << 32 | 0xFFFFFFFFu), bits);
  }
  QVERIFY(normalRadius(0) > 9.4f);  // √(2·64·ln 2) = 9.42
}

void TestGaussianNoise::moments() {
  const std::size_t n = 4'000'000;
  const auto values = draw(0, n);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, cross = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double z = static_cast<double>(values[k]);
    m1 += z;
    m2 += z * z;
    m3 += z * z * z;
    m4 += z * z * z * z;
    if (k > 0) cross += z * static_cast<double>(values[k - 1]);
  }
  // Five standard errors each; five numbers: 3 in a million.
  const double root = std::sqrt(static_cast<double>(n)), count = static_cast<double>(n);
  QVERIFY(std::abs(m1 / count) < 5 / root);
  QVERIFY(std::abs(m2 / count - 1) < 5 * std::sqrt(2.0) / root);
  QVERIFY(std::abs(m3 / count) < 5 * std::sqrt(15.0) / root);
  QVERIFY(std::abs(m4 / count - 3) < 5 * std::sqrt(96.0) / root);
  QVERIFY(std::abs(cross / count) < 5 / root);
}

void TestGaussianNoise::kolmogorovSmirnov() {
  const std::size_t n = 1'000'000;
  auto values = draw(12345, n);
  std::sort(values.begin(), values.end());
  const boost::math::normal normal;
  double distance = 0;
  for (std::size_t k = 0; k < n; ++k) {
    const double f = boost::math::cdf(normal, static_cast<double>(values[k]));
    distance = std::max({distance, f - static_cast<double>(k) / static_cast<double>(n),
                         static_cast<double>(k + 1) / static_cast<double>(n) - f});
  }
  // P(√n D > 2.7) = 2 exp(−2·2.7²) = 9.3e-7.
  QVERIFY2(std::sqrt(static_cast<double>(n)) * distance < 2.7,
           qPrintable(QString::number(distance)));
}

void TestGaussianNoise::tailBeyondFive() {
  // 400 million values: 229.3 expected beyond 5σ, on each side half; √ of that is 15.
  const std::size_t chunk = 4'000'000;
  std::vector<float> values(chunk);
  std::int64_t above = 0, below = 0, beyondFourAndHalf = 0;
  double largest = 0;
  for (std::uint64_t c = 0; c < 100; ++c) {
    fillNormals({77, DrawPurpose::Noise, c, 0}, 0, values);
    for (const float z : values) {
      above += z > 5.0f;
      below += z < -5.0f;
      beyondFourAndHalf += std::abs(z) > 4.5f;
      largest = std::max(largest, static_cast<double>(std::abs(z)));
    }
  }
  // Poisson with mean 114.66 a side: outside [61, 178] with probability below 1e-6 each.
  QVERIFY2(above >= 61 && above <= 178, qPrintable(QString::number(above)));
  QVERIFY2(below >= 61 && below <= 178, qPrintable(QString::number(below)));
  // 2718.1 expected; five standard deviations: 6e-7.
  QVERIFY(std::abs(static_cast<double>(beyondFourAndHalf) - 2718.1) < 5 * std::sqrt(2718.1));
  // The largest of 4e8 lies in (5.5, 7.2) except with probability 3e-7 + 3e-4·…: P(all |z| < 5.5) =
  // exp(−4e8·3.8e-8) = 2.5e-7; P(some |z| > 7.2) = 4e8·6e-13 = 2.4e-4, so no upper limit is asked.
  QVERIFY(largest > 5.5);
}

void TestGaussianNoise::anyPartCanBeDrawnAgain() {
  const auto whole = draw(0, 1000);
  for (const std::uint64_t first : {0, 1, 2, 3, 15, 16, 17, 63, 64, 127, 128, 129, 500})
    for (const std::size_t count : {std::size_t{1}, std::size_t{2}, std::size_t{15},
                                    std::size_t{33}, std::size_t{128}, std::size_t{400}}) {
      const auto part = draw(first, count);
      QVERIFY(
          std::equal(part.begin(), part.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)));
    }
  QVERIFY(draw(0, 8, {2024, DrawPurpose::Noise, 18, 2}) != draw(0, 8));
  QVERIFY(draw(0, 8, {2024, DrawPurpose::Noise, 17, 3}) != draw(0, 8));
}

void TestGaussianNoise::sameBitsOnEveryVectorUnit() {
  // Long enough that some words lie near an end of their range.
  const auto wanted = draw(3, 1000001);
  const auto supported = hwy::SupportedTargets();
  int tried = 0;
  for (const auto target : {HWY_AVX3, HWY_AVX2}) {
    if (!(supported & target)) continue;
    hwy::DisableTargets(supported & ~target & ~static_cast<decltype(supported)>(HWY_STATIC_TARGET));
    const auto got = draw(3, 1000001);
    hwy::DisableTargets(0);
    QVERIFY(got == wanted);
    ++tried;
  }
  if (tried < 2) QSKIP("this processor has one of the vector units only");
}

QTEST_GUILESS_MAIN(TestGaussianNoise)
#include "test_gaussian_noise.moc"
