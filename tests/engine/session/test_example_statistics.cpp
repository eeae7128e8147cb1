// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <cmath>

#include "engine/session/example_statistics.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Statistics of examples and classes against sums over the records themselves.
class TestExampleStatistics : public QObject {
  Q_OBJECT

 private slots:
  void ofARun();
  void refreshedNormsAreNewer();
  void whatIsNotFinite();
};

void TestExampleStatistics::ofARun() {
  Experiment e = smallExperiment();
  e.clipping.maxGradNorm = 1;
  Trainer trainer(e, smallData());
  ExampleHistory history;
  std::vector<std::shared_ptr<const StepRecord>> records;
  for (int t = 0; t < 30; ++t) {
    records.push_back(std::make_shared<StepRecord>(*trainer.finishStep()));
    history.append(*records.back());
  }
  const Dataset& data = *trainer.data().data;
  const auto got = exampleStatistics(history, data.size());
  QCOMPARE(static_cast<Index>(got.size()), data.size());
  std::vector<int> labels;
  for (Index i = 0; i < data.size(); ++i) labels.push_back(data.label(i));
  const auto classes = classStatistics(history, labels, 3);
  std::vector<Index> classDraws(3), classClipped(3), classExamples(3);
  std::vector<double> classNorms(3), classLosses(3);
  for (Index i = 0; i < data.size(); ++i) {
    Index draws = 0, clipped = 0;
    double norms = 0, largest = 0, factors = 0, loss = notANumber;
    for (const auto& r : records) {
      const auto& drawn = r->sample->examples;
      const auto at = std::ranges::find(drawn, i);
      if (at == drawn.end()) continue;
      const auto row = static_cast<std::size_t>(at - drawn.begin());
      const double n = r->norms->global[row];
      ++draws;
      clipped += n > 1;
      norms += n;
      largest = std::max(largest, n);
      factors += std::min(1.0, 1 / (n + 1e-6));
      loss = static_cast<double>(r->forward->losses[row]);
      classLosses[static_cast<std::size_t>(data.label(i))] += loss;
    }
    const ExampleStatistics& s = got[static_cast<std::size_t>(i)];
    QCOMPARE(s.draws, draws);
    if (draws == 0) {
      QVERIFY(std::isnan(s.meanNorm) && std::isnan(s.clippedShare()) && s.lastStep == 0);
      continue;
    }
    QCOMPARE(s.clipped, clipped);
    QVERIFY(std::abs(s.meanNorm * static_cast<double>(draws) / norms - 1) < 1e-12);
    QCOMPARE(s.largestNorm, largest);
    QVERIFY(std::abs(s.meanFactor * static_cast<double>(draws) / factors - 1) < 1e-6);
    QCOMPARE(s.lastLoss, loss);
    const auto label = static_cast<std::size_t>(data.label(i));
    classDraws[label] += draws;
    classClipped[label] += clipped;
    classNorms[label] += norms;
    ++classExamples[label];
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const auto draws = static_cast<double>(classDraws[k]);
    QCOMPARE(classes[k].draws, classDraws[k]);
    QCOMPARE(classes[k].examples, classExamples[k]);
    QVERIFY(std::abs(classes[k].clippedShare - static_cast<double>(classClipped[k]) / draws) <
            1e-12);
    QVERIFY(std::abs(classes[k].meanNorm / (classNorms[k] / draws) - 1) < 1e-12);
    QVERIFY(std::abs(classes[k].meanLoss / (classLosses[k] / draws) - 1) < 1e-9);
  }
}

void TestExampleStatistics::refreshedNormsAreNewer() {
  Trainer trainer(smallExperiment(), smallData());
  ExampleHistory history;
  history.append(*trainer.finishStep());
  history.append(*trainer.finishStep());
  const auto refresh = trainer.refreshNorms();
  history.append(refresh);
  const auto got = exampleStatistics(history, trainer.data().data->size());
  for (const Index i : trainer.data().train) {
    const auto at = static_cast<std::size_t>(i);
    // The newest draw of the same step is as new; of an earlier one it is not.
    const double wanted = got[at].lastStep == 2 ? history.drawsOf(i).back().normBefore
                                                : static_cast<double>(refresh->norms[at]);
    QCOMPARE(got[at].lastNorm, wanted);
  }
  for (const Index i : trainer.data().test)
    QVERIFY(std::isnan(got[static_cast<std::size_t>(i)].lastNorm));
}

void TestExampleStatistics::whatIsNotFinite() {
  auto step = std::make_shared<StepDraws>();
  step->step = 1;
  StepDraws::Draw bad;
  bad.example = 1;
  bad.normBefore = INFINITY;
  bad.isClipped = true;
  step->draws = {bad};
  ExampleHistory history;
  history.append(step);
  const auto got = exampleStatistics(history, 3);
  QCOMPARE(got[1].draws, Index{1});
  QCOMPARE(got[1].clippedShare(), 1.0);
  QVERIFY(std::isnan(got[1].meanNorm) && std::isnan(got[1].largestNorm));
  QCOMPARE(got[0].draws, Index{0});
}

QTEST_GUILESS_MAIN(TestExampleStatistics)
#include "test_example_statistics.moc"
