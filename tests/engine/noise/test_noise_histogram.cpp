// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <array>
#include <cmath>
#include <vector>

#include "engine/noise/noise_histogram.h"

using namespace clipscope;

class TestNoiseHistogram : public QObject {
  Q_OBJECT

 private slots:
  void countsEveryValueOnce() {
    NoiseHistogram h;
    h.clear();
    std::vector<float> values{-7.0f, -5.0f, -4.95f, 0.0f, 0.05f, 0.149f, 4.999f, 5.0f, 99.0f};
    NoiseTally tally;
    tally.add(values);
    h.add(tally);
    QCOMPARE(h.total(), Index{9});
    QCOMPARE(h.below(), Index{1});
    QCOMPARE(h.above(), Index{2});  // the upper edge belongs to what is above
    QCOMPARE(h.count(0), Index{2});
    QCOMPARE(h.count(50), Index{2});
    QCOMPARE(h.count(51), Index{1});
    QCOMPARE(h.count(99), Index{1});
    QCOMPARE(NoiseHistogram::binLow(50), 0.0);
    h.add(tally);  // which has started over
    QCOMPARE(h.total(), Index{9});
    h.clear();
    QCOMPARE(h.total(), Index{0});
  }

  void countsMoreThanItsCountersHold() {
    // Two bins alone, in every order, 200 001 values: more than 2^16 of each pair.
    std::vector<float> values;
    for (int k = 0; k < 200001; ++k) values.push_back(k % 3 == 0 ? 0.05f : -2.45f);
    NoiseTally tally;
    NoiseHistogram h;
    for (int k = 0; k < 3; ++k) tally.add(values);
    h.add(tally);
    QCOMPARE(h.total(), Index{600003});
    QCOMPARE(h.count(50), Index{3 * 66667});
    QCOMPARE(h.count(25), Index{3 * 133334});
    QCOMPARE(h.below() + h.above(), Index{0});
  }

  void countsAsAPlainLoopDoes() {
    std::vector<float> values;
    for (int k = 0; k < 5000; ++k) values.push_back(6.0f * std::sin(static_cast<float>(k * k)));
    std::array<Index, NoiseHistogram::bins> wanted{};
    Index below = 0, above = 0;
    for (const float z : values) {
      const float place = z * 10.0f + 51.0f;
      if (place < 1.0f)
        ++below;
      else if (place >= 101.0f)
        ++above;
      else
        ++wanted[static_cast<std::size_t>(place) - 1];
    }
    NoiseTally tally;
    tally.add(values);
    NoiseHistogram h;
    h.add(tally);
    QCOMPARE(h.below(), below);
    QCOMPARE(h.above(), above);
    QVERIFY(below > 0 && above > 0);
    for (Index bin = 0; bin < NoiseHistogram::bins; ++bin)
      QCOMPARE(h.count(bin), wanted[static_cast<std::size_t>(bin)]);
  }
};

QTEST_GUILESS_MAIN(TestNoiseHistogram)
#include "test_noise_histogram.moc"
