// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/training/trainer.h"

using namespace clipscope;

/// What a first start shows: the generated digits can be learnt, and single examples differ.
class TestLearning : public QObject {
  Q_OBJECT

 private slots:
  void theCnnLearnsTheDigits();
  void privateTrainingLearnsToo();
};

void TestLearning::theCnnLearnsTheDigits() {
  Experiment e;
  e.noise.noiseMultiplier = 0;
  e.clipping.strategy = "none";
  e.optimizer.learningRate = 0.1;
  e.run.unclippedSum = false;
  Trainer trainer(e, loadDataset(e.data));
  for (int step = 0; step < 120; ++step) trainer.finishStep();
  const auto record = trainer.evaluate();
  QVERIFY2(record->evaluation->accuracy > 0.95,
           qPrintable(QString::number(record->evaluation->accuracy)));
  // The 95 % quantile of the norms is many times the median: outliers and wrong labels stand out.
  QVERIFY2(record->norms->q95 > 5 * record->norms->q50,
           qPrintable(QString("%1 %2").arg(record->norms->q95).arg(record->norms->q50)));
}

void TestLearning::privateTrainingLearnsToo() {
  Experiment e;
  e.run.unclippedSum = false;
  Trainer trainer(e, loadDataset(e.data));
  for (int step = 0; step < 150; ++step) trainer.finishStep();
  const auto record = trainer.evaluate();
  QVERIFY2(record->evaluation->accuracy > 0.8,
           qPrintable(QString::number(record->evaluation->accuracy)));
  QVERIFY(record->account->epsilon < 5);
}

QTEST_GUILESS_MAIN(TestLearning)
#include "test_learning.moc"
