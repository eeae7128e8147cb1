// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/clipping/adaptive_threshold.h"
#include "engine/error.h"

using namespace clipscope;

/// The adaptive threshold against its formulas worked out by hand. (Opacus's trajectories are
/// reproduced by test_reference_files.)
class TestAdaptiveThreshold : public QObject {
  Q_OBJECT

 private slots:
  void multiplierIsTheoremOne();
  void multiplierRefusesWhatCountsSpend();
  void expectedDenominator();
  void batchDenominator();
  void emptyBatches();
  void staysWithinItsBounds();
  void findsTheQuantile();
  void refuses_data();
  void refuses();
};

void TestAdaptiveThreshold::multiplierIsTheoremOne() {
  // 1/z² + K/(4σ_b²) = 1/σ², by its definition.
  for (const double sigma : {1e-3, 0.5, 1.0, 1.9})
    for (const Index groups : {1, 3, 10})
      for (const double countStd : {4.0, 20.0}) {
        const double z = gradientNoiseMultiplier(sigma, countStd, groups);
        QVERIFY(z > sigma);
        const double sum = 1 / (z * z) + static_cast<double>(groups) / (4 * countStd * countStd);
        QVERIFY(std::abs(sum * sigma * sigma - 1) < 1e-12);
      }
  QVERIFY(std::abs(gradientNoiseMultiplier(1, 1, 1) - 2 / std::sqrt(3.0)) < 1e-15);
  QCOMPARE(gradientNoiseMultiplier(0, 1, 1), 0.0);
  QCOMPARE(gradientNoiseMultiplier(0, 0, 1), 0.0);
}

void TestAdaptiveThreshold::multiplierRefusesWhatCountsSpend() {
  for (const auto& [sigma, countStd, groups] :
       {std::tuple{2.0, 1.0, 1}, {2.5, 1.0, 1}, {1.0, 1.0, 4}, {1.0, 0.0, 1}}) {
    try {
      gradientNoiseMultiplier(sigma, countStd, groups);
    } catch (const SettingError& error) {
      const QString text = QString::fromUtf8(error.what());
      QVERIFY2(text.startsWith("clipping.adaptive.count_std") && text.contains("2σ_b/√K"),
               error.what());
      continue;
    }
    QFAIL("accepted");
  }
  // Just below the limit is fine, and finite.
  QVERIFY(std::isfinite(gradientNoiseMultiplier(std::nextafter(2.0, 0.0), 1, 1)));
}

void TestAdaptiveThreshold::expectedDenominator() {
  AdaptiveSettings s;
  s.targetQuantile = 0.6;
  s.learningRate = 0.4;
  // 7 of 10 unclipped, B = 8, noise 0.5: b̃ = 0.5 + (7 − 5 + 0.5)/8 = 0.8125.
  const AdaptiveResult r = adaptThreshold(s, 2.0, 7, 10, 8, 0.5);
  QCOMPARE(r.noisyFraction, 0.8125);
  QVERIFY(std::abs(r.after - 2 * std::exp(-0.4 * 0.2125)) < 1e-15);
  QVERIFY(r.before == 2.0 && r.unclipped == 7 && !r.skipped);
  QVERIFY(countsAsUnclipped(CountDenominator::Expected, 2.0, 2.0));
  QVERIFY(!countsAsUnclipped(CountDenominator::Expected, std::nextafter(2.0, 3.0), 2.0));
}

void TestAdaptiveThreshold::batchDenominator() {
  AdaptiveSettings s;
  s.denominator = CountDenominator::Batch;
  const AdaptiveResult r = adaptThreshold(s, 2.0, 7, 10, 8, 0.5);
  QCOMPARE(r.noisyFraction, 0.75);
  QVERIFY(std::abs(r.after - 2 * std::exp(-0.2 * 0.25)) < 1e-15);
  QVERIFY(!countsAsUnclipped(CountDenominator::Batch, 2.0, 2.0));  // n + 1e-6 > C
  QVERIFY(countsAsUnclipped(CountDenominator::Batch, 1.99999, 2.0));
}

void TestAdaptiveThreshold::emptyBatches() {
  AdaptiveSettings s;
  const AdaptiveResult expected = adaptThreshold(s, 2.0, 0, 0, 8, 0.8);
  QVERIFY(!expected.skipped);
  QCOMPARE(expected.noisyFraction, 0.6);
  s.denominator = CountDenominator::Batch;
  const AdaptiveResult batch = adaptThreshold(s, 2.0, 0, 0, 8, 0.8);
  QVERIFY(batch.skipped && std::isnan(batch.noisyFraction));
  QCOMPARE(batch.after, 2.0);
}

void TestAdaptiveThreshold::staysWithinItsBounds() {
  AdaptiveSettings s;
  s.learningRate = 1e6;
  s.minThreshold = 0.5;
  s.maxThreshold = 4;
  QCOMPARE(adaptThreshold(s, 2.0, 10, 10, 10, 0).after, 0.5);
  QCOMPARE(adaptThreshold(s, 2.0, 0, 10, 10, 0).after, 4.0);
}

void TestAdaptiveThreshold::findsTheQuantile() {
  // Norms 1 … 100 and no noise: C comes to rest between the 30th and the 31st.
  AdaptiveSettings s;
  s.targetQuantile = 0.3;
  double c = 90;
  for (int step = 0; step < 400; ++step) {
    Index unclipped = 0;
    for (int n = 1; n <= 100; ++n) unclipped += countsAsUnclipped(s.denominator, n, c);
    c = adaptThreshold(s, c, unclipped, 100, 100, 0).after;
  }
  QVERIFY2(c > 29.5 && c < 31.5, qPrintable(QString::number(c)));
}

void TestAdaptiveThreshold::refuses_data() {
  QTest::addColumn<QString>("field");
  for (const char* field :
       {"target_quantile", "learning_rate", "count_std", "min_threshold", "max_threshold"})
    QTest::newRow(field) << QString::fromLatin1(field);
}

void TestAdaptiveThreshold::refuses() {
  QFETCH(QString, field);
  AdaptiveSettings s;
  if (field == "target_quantile") s.targetQuantile = 1.1;
  if (field == "learning_rate") s.learningRate = -1;
  if (field == "count_std") s.countStd = std::nan("");
  if (field == "min_threshold") s.minThreshold = 0;
  if (field == "max_threshold") s.maxThreshold = 1e-7;
  try {
    validateAdaptive(s);
  } catch (const SettingError& error) {
    QVERIFY2(QString::fromUtf8(error.what()).startsWith("clipping.adaptive." + field),
             error.what());
    return;
  }
  QFAIL("accepted");
}

QTEST_GUILESS_MAIN(TestAdaptiveThreshold)
#include "test_adaptive_threshold.moc"
