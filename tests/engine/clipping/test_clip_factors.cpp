// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>
#include <random>

#include "engine/clipping/clip_factors.h"
#include "engine/clipping/thresholds.h"
#include "engine/error.h"

using namespace clipscope;

/// Factors against the formulas of the papers, the bound f·n ≤ C over sixty orders of magnitude,
/// and what becomes of an example that is not finite. (Opacus's factors: test_reference_files.)
class TestClipFactors : public QObject {
  Q_OBJECT

 private slots:
  void formulas();
  void neverMoreThanSensitivity();
  void constantsBelongToTheirStrategy();
  void groupedFactors();
  void nonFiniteIsDroppedWhole();
  void normsOfAnySize();
  void groupings();
  void thresholds();
  void refuses();
};

namespace {

const std::vector<std::string> names{"conv1.weight", "conv1.bias", "fc1.weight", "fc1.bias"};

double factor(const char* name, double n, double c, const StrategySettings& s = {}) {
  return makeStrategy(name, s)->factor(n, c);
}

}  // namespace

void TestClipFactors::formulas() {
  StrategySettings plain;
  plain.clipConstant = 0;
  QCOMPARE(factor("threshold", 4, 1, plain), 0.25);
  QCOMPARE(factor("threshold", 0.5, 1, plain), 1.0);
  QCOMPARE(factor("threshold", 0, 1, plain), 1.0);
  QCOMPARE(factor("threshold", 4, 1), 1 / 4.000001);
  QCOMPARE(factor("auto_s", 3, 2), 2 / 3.01);
  QCOMPARE(factor("auto_s", 0, 2), 200.0);
  QCOMPARE(factor("auto_v", 4, 2), 0.5);
  QCOMPARE(factor("auto_v", 0, 2), 0.0);
  QCOMPARE(factor("normalised", 3, 2), 2 / 3.01);
  QCOMPARE(factor("psac", 3, 2), 2 / (3 + 0.1 / 3.1));
  QCOMPARE(factor("psac", 0, 2), 2.0);
  QCOMPARE(factor("global", 1, 2), 1.0);  // Z = C: kept as it is
  QCOMPARE(factor("global", 2.5, 2), 0.0);
  StrategySettings wide;
  wide.globalBound = 10;
  QCOMPARE(factor("global", 9, 2, wide), 0.2);
  QCOMPARE(factor("none", 1e9, 1), 1.0);
}

void TestClipFactors::neverMoreThanSensitivity() {
  std::mt19937_64 random(4);
  std::uniform_real_distribution<double> power(-30, 30);
  for (const std::string& name : strategyNames()) {
    if (name == "none") {
      QVERIFY(std::isinf(makeStrategy(name, {})->sensitivity(1)));
      continue;
    }
    for (int k = 0; k < 20000; ++k) {
      const double n = k == 0 ? 0 : std::pow(10, power(random)), c = std::pow(10, power(random));
      const double f = factor(name.c_str(), n, c);
      QVERIFY2(std::isfinite(f) && f >= 0 && f * n <= c * (1 + 1e-12),
               qPrintable(QString("%1: n %2 C %3 f %4").arg(name.c_str()).arg(n).arg(c).arg(f)));
    }
    QCOMPARE(makeStrategy(name, {})->sensitivity(3.5), 3.5);
  }
}

void TestClipFactors::constantsBelongToTheirStrategy() {
  StrategySettings s;
  s.gamma = 0.5;
  s.r = 0.25;
  s.psacR = 0.75;
  QCOMPARE(factor("auto_s", 1, 1, s), 1 / 1.5);
  QCOMPARE(factor("normalised", 1, 1, s), 1 / 1.25);
  QCOMPARE(factor("psac", 1, 1, s), 1 / (1 + 0.75 / 1.75));
}

void TestClipFactors::groupedFactors() {
  NormTable norms;
  norms.resize(2, 4);
  const double values[2][4] = {{3, 4, 0.1, 0.2}, {0.3, 0.4, 12, 5}};
  for (Index i = 0; i < 2; ++i)
    for (Index p = 0; p < 4; ++p) norms.at(i, p) = values[i][p];
  StrategySettings plain;
  plain.clipConstant = 0;
  const auto strategy = makeStrategy("threshold", plain);
  const Grouping grouping = makeGrouping(GroupingKind::PerLayer, names);
  const std::vector<double> c{1.0, 2.0};
  ClipFactors out;
  computeFactors(norms, grouping, c, *strategy, out);
  QCOMPARE(out.groupNorm(0, 0), 5.0);
  QCOMPARE(out.factor(0, 0), 0.2);
  QCOMPARE(out.factor(0, 1), 1.0);
  QCOMPARE(out.factor(1, 1), 2.0 / 13);
  QCOMPARE(out.clippedNorm(1), std::sqrt(0.25 + 4));
  QCOMPARE(out.overallFactor(1), std::sqrt(4.25) / std::sqrt(169.25));
  QVERIFY(out.clipped(0) && out.clipped(1));
  QCOMPARE(out.groupClippedFraction(0), 0.5);
  std::vector<float> spread(4);
  tensorFactors(norms.row(0), grouping, c, *strategy, spread);
  QCOMPARE(spread, (std::vector<float>{0.2f, 0.2f, 1.0f, 1.0f}));
  // A factor that no float holds is cut, so that the sum stays finite.
  norms.at(1, 2) = norms.at(1, 3) = 1e-40;
  tensorFactors(norms.row(1), grouping, c, *makeStrategy("auto_v", {}), spread);
  QVERIFY(std::isfinite(spread[2]) && spread[2] > 1e34f);
  // Exactly at the threshold nothing is clipped.
  norms.at(0, 0) = 1;
  norms.at(0, 1) = 0;
  computeFactors(norms, grouping, c, *strategy, out);
  QVERIFY(!out.clipped(0));
}

void TestClipFactors::nonFiniteIsDroppedWhole() {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    for (const std::string& name : strategyNames()) {
      NormTable norms;
      norms.resize(2, 4);
      for (double& n : norms.values()) n = 0.5;
      norms.at(1, 2) = bad;
      const Grouping grouping = makeGrouping(GroupingKind::PerParameter, names);
      const std::vector<double> c(4, 1.0);
      ClipFactors out;
      computeFactors(norms, grouping, c, *makeStrategy(name, {}), out);
      QVERIFY(out.finite(0) && !out.finite(1));
      QVERIFY(out.clipped(1));
      QCOMPARE(out.clippedNorm(1), 0.0);
      QCOMPARE(out.overallFactor(1), 0.0);
      std::vector<float> spread(4, 9.0f);
      tensorFactors(norms.row(1), grouping, c, *makeStrategy(name, {}), spread);
      QCOMPARE(spread, (std::vector<float>(4, 0.0f)));
    }
}

void TestClipFactors::normsOfAnySize() {
  for (const double scale : {1e-300, 1e-200, 1e-30, 1.0, 1e30, 1e200, 1e300})
    QVERIFY(std::abs(combinedNorm(std::vector<double>{3 * scale, 4 * scale}) / (5 * scale) - 1) <
            1e-12);
  QCOMPARE(combinedNorm(std::vector<double>{0, 0}), 0.0);
  QVERIFY(std::isnan(combinedNorm(std::vector<double>{1, std::nan("")})));
  QVERIFY(std::isinf(combinedNorm(std::vector<double>{1, INFINITY})));
}

void TestClipFactors::groupings() {
  QCOMPARE(makeGrouping(GroupingKind::Flat, names).count(), Index{1});
  const Grouping layers = makeGrouping(GroupingKind::PerLayer, names);
  QCOMPARE(layers.count(), Index{2});
  QCOMPARE(layers.groups()[1].name, "fc1");
  QCOMPARE(layers.groups()[1].tensors, (std::vector<Index>{2, 3}));
  QCOMPARE(makeGrouping(GroupingKind::PerParameter, names).count(), Index{4});
  const Grouping custom = makeGrouping(
      GroupingKind::Custom, names,
      {{"weights", {"fc1.weight", "conv1.weight"}}, {"biases", {"conv1.bias", "fc1.bias"}}});
  QCOMPARE(custom.groups()[0].tensors, (std::vector<Index>{0, 2}));
  QCOMPARE(custom.groupOf(3), Index{1});
}

void TestClipFactors::thresholds() {
  const Grouping grouping = makeGrouping(GroupingKind::PerLayer, names);
  const std::vector<Index> dims{100, 300};
  const auto make = [&](ThresholdRule rule, std::vector<double> medians = {}) {
    const auto c = makeThresholds(rule, 2.0, grouping, dims, medians, {});
    // However it is shared out, the sensitivity stays C.
    if (std::abs(std::hypot(c[0], c[1]) - 2.0) > 1e-12) qFatal("Σ C_k² is not C²");
    return c;
  };
  QVERIFY(std::abs(make(ThresholdRule::Equal)[0] - std::sqrt(2.0)) < 1e-12);
  QVERIFY(std::abs(make(ThresholdRule::SqrtDimension)[0] - 1.0) < 1e-12);
  QVERIFY(std::abs(make(ThresholdRule::Median, {3, 4})[0] - 1.2) < 1e-12);
  QVERIFY(std::abs(make(ThresholdRule::Median)[0] - std::sqrt(2.0)) < 1e-12);  // no step before
  QVERIFY(make(ThresholdRule::Median, {0, 4})[0] > 0);
  const auto given =
      makeThresholds(ThresholdRule::Custom, 2, grouping, dims, {}, {{"fc1", 5}, {"conv1", 3}});
  QCOMPARE(given, (std::vector<double>{3, 5}));
}

void TestClipFactors::refuses() {
  const auto says = [](auto&& action, const char* word) {
    try {
      action();
    } catch (const SettingError& error) {
      QVERIFY2(QString::fromUtf8(error.what()).contains(QString::fromUtf8(word)), error.what());
      return;
    }
    QFAIL(word);
  };
  const auto custom = [](std::vector<std::pair<std::string, std::vector<std::string>>> groups) {
    return [groups] { makeGrouping(GroupingKind::Custom, names, groups); };
  };
  says(custom({{"a", {"conv1.weight"}}}), "conv1.bias");
  says(custom({{"a", names}, {"b", {"fc1.bias"}}}), "two groups");
  says(custom({{"a", {"fc7.bias"}}}), "fc7.bias");
  says(custom({{"a", names}, {"b", {}}}), "empty");
  says([] { makeStrategy("treshold", {}); }, "threshold, auto_s");
  StrategySettings s;
  s.gamma = 0;
  says([&] { makeStrategy("auto_s", s); }, "clipping.gamma");
  s = {};
  s.clipConstant = -1;
  says([&] { makeStrategy("threshold", s); }, "clipping.clip_constant");
  says([] { parseGrouping("flta", "clipping.grouping"); }, "flat, layer, param");
  says([] { parseThresholdRule("x", "clipping.thresholds"); }, "sqrt_dim");
  const Grouping grouping = makeGrouping(GroupingKind::PerLayer, names);
  const std::vector<Index> dims{1, 1};
  says(
      [&] {
        makeThresholds(ThresholdRule::Custom, 1, grouping, dims, {}, {{"fc1", 1}});
      },
      "conv1");
  says(
      [&] {
        makeThresholds(ThresholdRule::Custom, 1, grouping, dims, {}, {{"fc1", 1}, {"conv1", -1}});
      },
      "conv1");
  says(
      [&] {
        makeThresholds(ThresholdRule::Custom, 1, grouping, dims, {},
                       {{"fc1", 1}, {"conv1", 1}, {"x", 1}});
      },
      "x");
}

QTEST_GUILESS_MAIN(TestClipFactors)
#include "test_clip_factors.moc"
