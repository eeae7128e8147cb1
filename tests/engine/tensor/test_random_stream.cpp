// SPDX-License-Identifier: GPL-3.0-or-later
#include <Random123/philox.h>
#undef philox4x32  // its macro has the name of our function

#include <QTest>
#include <cmath>
#include <random>

#include "engine/tensor/philox.h"

using namespace clipscope;

/// Philox against Random123, its authors' own code.
class TestRandomStream : public QObject {
  Q_OBJECT

 private slots:
  void agreesWithRandom123();
  void streamsAreApart();
  void belowIsUnbiased();
  void uniformStaysInside();
};

void TestRandomStream::agreesWithRandom123() {
  std::mt19937 random(1);
  for (int trial = 0; trial < 10000; ++trial) {
    std::array<std::uint32_t, 4> counter{};
    std::array<std::uint32_t, 2> key{};
    for (auto& word : counter)
      word = trial == 0 ? 0 : trial == 1 ? ~0u : static_cast<std::uint32_t>(random());
    for (auto& word : key)
      word = trial == 0 ? 0 : trial == 1 ? ~0u : static_cast<std::uint32_t>(random());
    r123::Philox4x32 oracle;
    const auto wanted =
        oracle({{counter[0], counter[1], counter[2], counter[3]}}, {{key[0], key[1]}});
    const auto got = philox4x32(counter, key);
    for (std::size_t k = 0; k < 4; ++k) QCOMPARE(got[k], wanted[k]);
  }
}

void TestRandomStream::streamsAreApart() {
  const DrawKey base{5, DrawPurpose::Noise, 9, 3};
  QCOMPARE(philoxCounter(base, (std::uint64_t{7} << 32) | 8),
           (std::array<std::uint32_t, 4>{8, 7, 9, (3u << 24) | 3u}));
  for (DrawKey other :
       {DrawKey{6, DrawPurpose::Noise, 9, 3}, DrawKey{5, DrawPurpose::Sample, 9, 3},
        DrawKey{5, DrawPurpose::Noise, 10, 3}, DrawKey{5, DrawPurpose::Noise, 9, 4}}) {
    RandomStream a(base), b(other);
    QVERIFY(a.bits() != b.bits());
  }
}

void TestRandomStream::belowIsUnbiased() {
  RandomStream stream({11, DrawPurpose::Test, 0, 0});
  std::array<double, 7> counts{};
  const int draws = 70000;
  for (int k = 0; k < draws; ++k) {
    const auto v = stream.below(7);
    QVERIFY(v < 7);
    ++counts[v];
  }
  double chi = 0;
  for (const double c : counts) chi += (c - 10000) * (c - 10000) / 10000;
  QVERIFY(chi < 38.3);  // 6 degrees of freedom: exceeded by chance once in a million seeds
}

void TestRandomStream::uniformStaysInside() {
  RandomStream stream({12, DrawPurpose::Test, 0, 0});
  double sum = 0;
  for (int k = 0; k < 100000; ++k) {
    const double u = stream.uniform();
    QVERIFY(u >= 0 && u < 1);
    sum += u;
  }
  // Five standard errors: once in 1.7 million seeds.
  QVERIFY(std::abs(sum / 100000 - 0.5) < 5 / std::sqrt(12.0 * 100000));
}

QTEST_GUILESS_MAIN(TestRandomStream)
#include "test_random_stream.moc"
