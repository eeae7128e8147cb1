// SPDX-License-Identifier: GPL-3.0-or-later
#include <malloc.h>

#include <QTest>

#include "engine/training/memory_estimate.h"
#include "engine/training/trainer.h"

using namespace clipscope;

/// The estimate against what the C library's allocator has handed out for a Trainer at work, in
/// both ways of stepping. Nothing is given back between steps, so that what is in use then is the
/// peak.
class TestMemoryEstimate : public QObject {
  Q_OBJECT

 private slots:
  void isNearTheTruth_data();
  void isNearTheTruth();
  void partsAddUp();
};

namespace {

Index inUse() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<Index>(info.uordblks) + static_cast<Index>(info.hblkhd);
}

LoadedData digits() {
  DataSettings settings;
  settings.digits.count = 1500;
  return loadDataset(settings);
}

}  // namespace

void TestMemoryEstimate::isNearTheTruth_data() {
  QTest::addColumn<QString>("preset");
  QTest::addColumn<int>("batch");
  QTest::addColumn<QString>("optimizer");
  QTest::addColumn<int>("physical");
  QTest::newRow("mlp") << "mlp" << 64 << "sgd" << 0;
  QTest::newRow("mlp, large batch") << "mlp" << 1000 << "adam" << 0;
  QTest::newRow("mlp, small blocks") << "mlp" << 1000 << "rmsprop" << 16;
  QTest::newRow("cnn") << "mnist-cnn" << 1000 << "sgd" << 0;
}

void TestMemoryEstimate::isNearTheTruth() {
  QFETCH(QString, preset);
  QFETCH(int, batch);
  QFETCH(QString, optimizer);
  QFETCH(int, physical);
  Experiment e;
  e.model.preset = preset.toStdString();
  e.optimizer.kind = optimizer.toStdString();
  e.sampling.expectedBatchSize = batch;
  e.sampling.physicalBatchSize = physical;
  e.run.threads = 2;
  const LoadedData data = digits();
  {
    Trainer warm(e, data);  // what the libraries keep for themselves is there before
    warm.finishStep();
  }
  const Index before = inUse();
  Trainer trainer(e, data);
  const MemoryEstimate estimate =
      estimateMemory(e, trainer.model(), static_cast<Index>(data.train.size()));
  const auto check = [&](Index estimated) {
    const double ratio = static_cast<double>(estimated) / static_cast<double>(inUse() - before);
    QVERIFY2(ratio > 1 / 1.5 && ratio < 1.5, qPrintable(QString::number(ratio)));
  };
  std::shared_ptr<const StepRecord> held;  // as a window holds the last one
  for (int step = 0; step < 4; ++step) held = trainer.finishStep();
  check(estimate.whileRunning());
  if (QTest::currentTestFailed()) return;
  for (const Phase phase : allPhases) held = trainer.advanceTo(phase);
  QVERIFY(held->kept && !estimate.recomputes);
  check(estimate.whileStepping());
}

void TestMemoryEstimate::partsAddUp() {
  Experiment e;
  e.model.preset = "mlp";
  const LoadedData data = digits();
  const auto model = makeModel(e, *data.data);
  const Index n = static_cast<Index>(data.train.size());
  const MemoryEstimate plain = estimateMemory(e, *model, n);
  QCOMPARE(plain.optimizer, Index{0});
  e.optimizer.kind = "adam";
  const MemoryEstimate adam = estimateMemory(e, *model, n);
  QCOMPARE(adam.optimizer, 2 * model->table().trainableExtent() * Index{sizeof(float)});
  QCOMPARE(adam.whileRunning() - plain.whileRunning(), adam.optimizer);
  e.sampling.expectedBatchSize = 1000;
  const MemoryEstimate large = estimateMemory(e, *model, n);
  // It follows the batch up to a whole block, and no further.
  QVERIFY(large.running > adam.running);
  QVERIFY(large.running <= model->plan().rows * model->bytesPerExample());
  QVERIFY(large.stepping > adam.stepping);
  e.run.memoryBudgetMiB = 1;
  const MemoryEstimate tight = estimateMemory(e, *model, n);
  QVERIFY(tight.recomputes);
  QCOMPARE(tight.stepping, Index{0});
  e.sampling.physicalBatchSize = 8;
  const MemoryEstimate small = estimateMemory(e, *makeModel(e, *data.data), n);
  QVERIFY(small.running < large.running);
}

QTEST_GUILESS_MAIN(TestMemoryEstimate)
#include "test_memory_estimate.moc"
