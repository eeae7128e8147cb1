// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/noise/noise_histogram.h"

using namespace clipscope;

class TestNoiseHistogram : public QObject {
  Q_OBJECT

 private slots:
  void countsEveryValueOnce() {
    NoiseHistogram h;
    h.clear();
    std::vector<float> values{-7.0f, -5.0f, -4.95f, 0.0f, 0.05f, 0.149f, 4.999f, 5.0f, 99.0f};
    h.add(values);
    QCOMPARE(h.total(), Index{9});
    QCOMPARE(h.below(), Index{1});
    QCOMPARE(h.above(), Index{2});  // the upper edge belongs to what is above
    QCOMPARE(h.count(0), Index{2});
    QCOMPARE(h.count(50), Index{2});
    QCOMPARE(h.count(51), Index{1});
    QCOMPARE(h.count(99), Index{1});
    QCOMPARE(NoiseHistogram::binLow(50), 0.0);
    h.clear();
    QCOMPARE(h.total(), Index{0});
  }
};

QTEST_GUILESS_MAIN(TestNoiseHistogram)
#include "test_noise_histogram.moc"
