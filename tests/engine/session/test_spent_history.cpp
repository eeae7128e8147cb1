// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/session/spent_history.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// What summaries say that steps cost, against the accountant of the run.
class TestSpentHistory : public QObject {
  Q_OBJECT

 private slots:
  void isTheAccountants_data();
  void isTheAccountants();
};

void TestSpentHistory::isTheAccountants_data() {
  QTest::addColumn<QString>("start");
  QTest::addColumn<QString>("later");
  for (const char* start : {"poisson", "shuffled", "fixed"})
    for (const char* later : {"poisson", "shuffled", "fixed"})
      QTest::addRow("%s, then %s", start, later) << start << later;
}

void TestSpentHistory::isTheAccountants() {
  QFETCH(QString, start);
  QFETCH(QString, later);
  Experiment e = smallExperiment();
  e.sampling.scheme = parseSamplingScheme(start.toStdString(), "scheme");
  Trainer trainer(e, smallData());
  SpentHistory spent;
  const auto take = [&](int steps) {
    for (int k = 0; k < steps; ++k) {
      spent.append(summaryOf(*trainer.finishStep()));
      const auto wanted = trainer.checkpoint()->accounted;
      QCOMPARE(spent.entries().size(), wanted.size());
      for (std::size_t n = 0; n < wanted.size(); ++n) {
        QCOMPARE(spent.entries()[n].sigma, wanted[n].sigma);
        QCOMPARE(spent.entries()[n].sampleRate, wanted[n].sampleRate);
        QCOMPARE(spent.entries()[n].steps, wanted[n].steps);
      }
    }
  };
  take(9);
  // A smaller σ in the middle of an epoch raises what it was charged; a larger one does not.
  e.noise.noiseMultiplier *= 0.7;
  trainer.apply(e);
  take(2);
  e.noise.noiseMultiplier *= 2;
  trainer.apply(e);
  take(8);
  // Noisy counts are part of a step's σ.
  e.clipping.adaptive.enabled = true;
  trainer.apply(e);
  take(5);
  e.sampling.scheme = parseSamplingScheme(later.toStdString(), "scheme");
  e.sampling.expectedBatchSize = 11;
  trainer.apply(e);
  take(12);
  e.sampling.scheme = parseSamplingScheme(start.toStdString(), "scheme");
  trainer.apply(e);
  take(7);
  QVERIFY(spent.entries().size() >= 2);
}

QTEST_GUILESS_MAIN(TestSpentHistory)
#include "test_spent_history.moc"
