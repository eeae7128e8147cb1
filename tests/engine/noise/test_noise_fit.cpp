// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>
#include <random>

#include "engine/noise/noise_fit.h"

using namespace clipscope;

namespace {

void count(std::span<const float> values, NoiseHistogram& histogram) {
  NoiseTally tally;
  tally.add(values);
  histogram.add(tally);
}

}  // namespace

/// Expected counts against the normal's density integrated by Simpson's rule, χ² against a table.
class TestNoiseFit : public QObject {
  Q_OBJECT

 private slots:
  void probabilitiesIntegrateTheDensity();
  void chiSquaredOfKnownCounts();
  void pValuesOfTheTable();
  void normalDrawsPassAndOthersDoNot();
  void tooFewDrawsAreNotJudged();
};

void TestNoiseFit::probabilitiesIntegrateTheDensity() {
  const auto density = [](double x) { return std::exp(-x * x / 2) / std::sqrt(2 * M_PI); };
  for (const auto& [low, high] : {std::pair{-5.0, -4.9},
                                  {-0.1, 0.0},
                                  {0.0, 0.1},
                                  {-0.05, 0.05},
                                  {1.3, 1.4},
                                  {4.9, 5.0},
                                  {-3.0, 2.0}}) {
    double sum = 0;
    constexpr int pieces = 2000;
    const double h = (high - low) / pieces;
    for (int k = 0; k < pieces; ++k) {
      const double a = low + k * h;
      sum += h / 6 * (density(a) + 4 * density(a + h / 2) + density(a + h));
    }
    QVERIFY(std::abs(normalProbability(low, high) - sum) <= 1e-10 * sum);
  }
  const double infinity = std::numeric_limits<double>::infinity();
  QVERIFY(std::abs(normalProbability(-infinity, infinity) - 1) < 1e-15);
  QVERIFY(std::abs(normalProbability(5, infinity) - 2.866515718791933e-7) < 1e-20);
}

void TestNoiseFit::chiSquaredOfKnownCounts() {
  // One value each in the middle of every bin: the counts are all 1, and so χ² by hand.
  std::vector<float> values;
  for (int copy = 0; copy < 40; ++copy)
    for (Index bin = 0; bin < NoiseHistogram::bins; ++bin)
      values.push_back(static_cast<float>(NoiseHistogram::binLow(bin) + 0.05));
  NoiseHistogram histogram;
  count(values, histogram);
  const NoiseFit fit = fitNoise(histogram);
  double left = 0, right = 0, expectedLeft = 0, expectedRight = 0, chi = 0;
  // Joined from both ends until five are expected.
  std::vector<double> expected = fit.expected;
  const double tail = 4000 * 2.866515718791933e-7;
  Index first = 0, last = 99;
  expectedLeft = expectedRight = tail;
  while (true) {
    left += 40;
    expectedLeft += expected[static_cast<std::size_t>(first++)];
    if (expectedLeft >= 5) break;
  }
  while (true) {
    right += 40;
    expectedRight += expected[static_cast<std::size_t>(last--)];
    if (expectedRight >= 5) break;
  }
  chi += (left - expectedLeft) * (left - expectedLeft) / expectedLeft;
  chi += (right - expectedRight) * (right - expectedRight) / expectedRight;
  for (Index bin = first; bin <= last; ++bin) {
    const double e = expected[static_cast<std::size_t>(bin)];
    chi += (40 - e) * (40 - e) / e;
  }
  QCOMPARE(fit.degrees, last - first + 2);
  QVERIFY(std::abs(fit.chiSquared - chi) <= 1e-9 * chi);
  QVERIFY(fit.pValue < 1e-100);
}

void TestNoiseFit::pValuesOfTheTable() {
  // Draws placed so that the counts are the expected ones as nearly as whole numbers allow: χ² is
  // then far below its mean, and p nearly 1.
  NoiseHistogram histogram;
  std::vector<float> values;
  for (Index bin = 0; bin < NoiseHistogram::bins; ++bin) {
    const double low = NoiseHistogram::binLow(bin);
    const auto count = std::lround(1e5 * normalProbability(low, low + 0.1));
    values.insert(values.end(), static_cast<std::size_t>(count), static_cast<float>(low + 0.05));
  }
  count(values, histogram);
  const NoiseFit fit = fitNoise(histogram);
  QVERIFY(fit.chiSquared < 1.5);
  QVERIFY(fit.pValue > 1 - 1e-9);
  // A known point of the distribution: with the moved draws below, Q(k/2, χ²/2) against the
  // Wilson–Hilferty approximation, good to 1e-3 at these degrees.
  std::vector<float> moved = values;
  std::fill_n(moved.begin() + static_cast<std::ptrdiff_t>(moved.size() / 2), 200, 2.05f);
  NoiseHistogram other;
  count(moved, other);
  const NoiseFit worse = fitNoise(other);
  const double k = static_cast<double>(worse.degrees);
  const double z = (std::cbrt(worse.chiSquared / k) - (1 - 2 / (9 * k))) / std::sqrt(2 / (9 * k));
  const double tail = 0.5 * std::erfc(z / std::sqrt(2.0));
  QVERIFY2(tail > 0.001 && tail < 0.999, qPrintable(QString::number(tail)));
  QVERIFY(std::abs(worse.pValue - tail) < 1e-3);
}

void TestNoiseFit::normalDrawsPassAndOthersDoNot() {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(50000);
  for (float& v : values) v = normal(random);
  NoiseHistogram right;
  count(values, right);
  // A fixed seed; a fresh one would fail with probability 1e-6.
  QVERIFY(fitNoise(right).pValue > 1e-6);
  // A std that is off by 5 %.
  for (float& v : values) v *= 1.05f;
  NoiseHistogram wide;
  count(values, wide);
  QVERIFY(fitNoise(wide).pValue < 1e-6);
}

void TestNoiseFit::tooFewDrawsAreNotJudged() {
  NoiseHistogram none;
  QCOMPARE(fitNoise(none).degrees, Index{0});
  QVERIFY(std::isnan(fitNoise(none).pValue));
  std::vector<float> few{0.1f, -0.2f, 0.3f, 1.0f};
  count(few, none);
  QCOMPARE(fitNoise(none).degrees, Index{0});
}

QTEST_APPLESS_MAIN(TestNoiseFit)
#include "test_noise_fit.moc"
