// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>

#include "engine/noise/allocation.h"

using namespace clipscope;

/// The four ways to share noise out over groups: closed forms, and the rule that all spend σ. (The
/// figures of noise/std.json: test_reference_files.)
class TestAllocation : public QObject {
  Q_OBJECT

 private slots:
  void closedForms();
  void allSpendSigma();
  void leastPowerIsLeast();
  void effectiveSigmaOfOddities();
};

void TestAllocation::closedForms() {
  const std::vector<double> c{3, 4};
  const std::vector<Index> d{100, 400};
  const auto near = [](double a, double b) { return std::abs(a - b) < 1e-12 * b; };
  QVERIFY(near(groupNoiseStds(NoiseAllocation::Global, 2, c, d)[1], 10));
  QVERIFY(near(groupNoiseStds(NoiseAllocation::EqualBudget, 2, c, d)[0], 2 * std::sqrt(2.0) * 3));
  QVERIFY(near(groupNoiseStds(NoiseAllocation::DimensionWeighted, 2, c, d)[0],
               2 * 0.3 * std::sqrt(500.0)));
  QVERIFY(near(groupNoiseStds(NoiseAllocation::LeastPower, 2, c, d)[1],
               2 * std::sqrt(0.2 * (30 + 80))));
  for (const double s : groupNoiseStds(NoiseAllocation::Global, 0, c, d)) QCOMPARE(s, 0.0);
}

void TestAllocation::allSpendSigma() {
  std::mt19937_64 random(8);
  std::uniform_real_distribution<double> power(-8, 8);
  for (int trial = 0; trial < 500; ++trial) {
    const std::size_t groups = 1 + random() % 7;
    std::vector<double> c;
    std::vector<Index> d;
    for (std::size_t k = 0; k < groups; ++k) {
      c.push_back(std::pow(10, power(random)));
      d.push_back(static_cast<Index>(1 + random() % 1000000));
    }
    for (const auto a : {NoiseAllocation::Global, NoiseAllocation::EqualBudget,
                         NoiseAllocation::DimensionWeighted, NoiseAllocation::LeastPower}) {
      const auto s = groupNoiseStds(a, 1.3, c, d);
      double spent = 0;
      for (std::size_t k = 0; k < groups; ++k) spent += c[k] * c[k] / (s[k] * s[k]);
      QVERIFY(std::abs(1 / std::sqrt(spent) / 1.3 - 1) < 1e-9);
      QVERIFY(std::abs(effectiveSigma(c, s) / 1.3 - 1) < 1e-9);
    }
  }
}

void TestAllocation::leastPowerIsLeast() {
  // Against small shifts of noise between two groups at the same cost.
  const std::vector<double> c{1, 0.2};
  const std::vector<Index> d{50, 900};
  const auto s = groupNoiseStds(NoiseAllocation::LeastPower, 1, c, d);
  const double least = s[0] * s[0] * 50 + s[1] * s[1] * 900;
  for (const double change : {0.9, 0.99, 1.01, 1.1}) {
    const double first = s[0] * change, left = 1 - 1 / (first * first);
    const double power = first * first * 50 + 0.04 / left * 900;
    QVERIFY(power > least);
  }
}

void TestAllocation::effectiveSigmaOfOddities() {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> none{0, 0}, one{1, 1}, endless{1, infinity};
  QCOMPARE(effectiveSigma(one, none), 0.0);
  QCOMPARE(effectiveSigma(endless, one), 0.0);
  QVERIFY(std::isinf(effectiveSigma(none, one)));
}

QTEST_GUILESS_MAIN(TestAllocation)
#include "test_allocation.moc"
