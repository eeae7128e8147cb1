// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <bit>
#include <cstring>
#include <map>

#include "engine/session/example_history.h"
#include "engine/session/run_history.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// What is kept of steps whose records are gone, held against the records.
class TestHistories : public QObject {
  Q_OBJECT

 private slots:
  void summaryIsTheRecords();
  void historyAppendsAndTruncates();
  void drawsAreTheRecords();
  void drawsStayInTheirBudget();
  void drawsTruncate();
};

void TestHistories::summaryIsTheRecords() {
  Trainer trainer(smallExperiment(), smallData());
  trainer.finishStep();
  trainer.finishStep();
  const auto r = trainer.evaluate();
  const StepSummary s = summaryOf(*r);
  QCOMPARE(s.step, Index{2});
  QCOMPARE(s.batchSize, r->batchSize());
  QVERIFY(s.batchSize > 0);
  QCOMPARE(s.expectedBatchSize, 17.0);
  QCOMPARE(s.loss, r->forward->meanLoss);
  QCOMPARE(s.testLoss, r->evaluation->loss);
  QCOMPARE(s.testAccuracy, r->evaluation->accuracy);
  QCOMPARE(s.epsilon, r->account->epsilon);
  QCOMPARE(s.clippedFraction, r->clip->clippedFraction);
  QCOMPARE(s.maxGradNorm, r->clip->maxGradNorm);
  QCOMPARE(s.suggestedThreshold, r->clip->suggestedThreshold);
  QCOMPARE(s.signal, r->clip->signal);
  QCOMPARE(s.noise, r->noise->expected);
  QCOMPARE(s.noiseRealised, r->noise->realised);
  QCOMPARE(s.snr, r->noise->snr);
  QCOMPARE(s.snrRealised, r->noise->snrRealised);
  QCOMPARE(s.retainedNorm, r->clip->retainedNorm);
  QCOMPARE(s.biasRatio, r->clip->biasRatio);
  QCOMPARE(s.biasCosine, r->clip->biasCosine);
  QVERIFY(s.q05 <= s.q25 && s.q25 <= s.q50 && s.q50 <= s.q75 && s.q75 <= s.q95 && s.q95 <= s.max);
  QCOMPARE(s.q05, r->norms->q05);
  QCOMPARE(s.q25, r->norms->q25);
  QCOMPARE(s.q50, r->norms->q50);
  QCOMPARE(s.q75, r->norms->q75);
  QCOMPARE(s.q95, r->norms->q95);
  QCOMPARE(s.max, r->norms->max);
  QCOMPARE(s.learningRate, r->update->learningRate);
  QCOMPARE(s.updateNorm, r->update->updateNorm);
  QVERIFY(std::isnan(summaryOf(*trainer.finishStep()).testLoss));
}

void TestHistories::historyAppendsAndTruncates() {
  RunHistory history;
  QVERIFY(!history.newest());
  const auto step = [](Index number, double loss) {
    StepSummary s;
    s.step = number;
    s.loss = loss;
    return s;
  };
  for (Index i = 1; i <= 10; ++i) history.append(step(i, static_cast<double>(i)));
  QCOMPARE(history.steps(), Index{10});
  QCOMPARE(history.at(7).loss, 7.0);
  QCOMPARE(history.revision(), Index{0});
  // A step that is known already begins another future.
  history.append(step(4, -4));
  QCOMPARE(history.steps(), Index{4});
  QCOMPARE(history.newest()->loss, -4.0);
  QCOMPARE(history.at(3).loss, 3.0);
  QCOMPARE(history.revision(), Index{1});
  EvaluationPart evaluation;
  evaluation.accuracy = 0.5;
  evaluation.loss = 2;
  history.setEvaluation(3, evaluation);
  history.setEvaluation(5, evaluation);
  QCOMPARE(history.revision(), Index{2});
  QCOMPARE(history.at(3).testAccuracy, 0.5);
  QCOMPARE(history.at(3).testLoss, 2.0);
  QVERIFY(std::isnan(history.at(4).testAccuracy));
  history.truncate(9);
  QCOMPARE(history.steps(), Index{4});
  history.truncate(0);
  QCOMPARE(history.steps(), Index{0});
}

void TestHistories::drawsAreTheRecords() {
  Trainer trainer(smallExperiment(), smallData());
  ExampleHistory history;
  std::map<Index, std::vector<ExampleDraw>> expected;
  for (int step = 1; step <= 30; ++step) {
    const auto r = trainer.finishStep();
    history.append(*r);
    for (Index i = 0; i < r->batchSize(); ++i) {
      const auto row = static_cast<std::size_t>(i);
      expected[r->sample->examples[row]].push_back(
          {step, r->norms->global[row], r->clip->factors.clippedNorm(i),
           r->clip->factors.overallFactor(i), r->forward->losses[row]});
    }
  }
  QCOMPARE(history.firstStep(), Index{1});
  QCOMPARE(history.lastStep(), Index{30});
  QVERIFY(expected.size() > 50);
  for (Index example = 0; example < 120; ++example) {
    const auto draws = history.drawsOf(example);
    const auto& wanted = expected[example];
    QCOMPARE(draws.size(), wanted.size());
    for (std::size_t k = 0; k < draws.size(); ++k) {
      QCOMPARE(draws[k].step, wanted[k].step);
      QVERIFY(draws[k].normBefore == wanted[k].normBefore);
      QVERIFY(draws[k].normAfter == wanted[k].normAfter);
      QVERIFY(draws[k].factor == wanted[k].factor);
      QVERIFY(draws[k].loss == wanted[k].loss);
    }
  }
}

namespace {

std::shared_ptr<const StepDraws> drawsOfStep(Index step) {
  auto draws = std::make_shared<StepDraws>();
  draws->step = step;
  for (std::int32_t example = 0; example < 100; ++example)
    if ((example + step) % 3 == 0)
      draws->draws.push_back({.example = example,
                              .loss = static_cast<float>(step),
                              .normBefore = 2.0,
                              .normAfter = 1.0,
                              .factor = 0.5});
  return draws;
}

}  // namespace

void TestHistories::drawsStayInTheirBudget() {
  const Index budget = 20000;
  ExampleHistory history(budget);
  for (Index step = 1; step <= 500; ++step) {
    history.append(drawsOfStep(step));
    QVERIFY(history.bytes() <= budget);
  }
  // The ring is full, and forgot the oldest: one more step would not have fitted.
  QVERIFY(history.bytes() + drawsOfStep(1)->bytes() * 2 > budget);
  QCOMPARE(history.lastStep(), Index{500});
  QVERIFY(history.firstStep() > 400);
  const auto draws = history.drawsOf(7);
  QVERIFY(!draws.empty());
  for (const ExampleDraw& draw : draws) {
    QCOMPARE((7 + draw.step) % 3, Index{0});
    QVERIFY(draw.step >= history.firstStep());
    QCOMPARE(draw.loss, static_cast<float>(draw.step));
  }
}

void TestHistories::drawsTruncate() {
  ExampleHistory history;
  for (Index step = 1; step <= 20; ++step) history.append(drawsOfStep(step));
  history.append(drawsOfStep(12));
  QCOMPARE(history.lastStep(), Index{12});
  history.truncate(5);
  QCOMPARE(history.lastStep(), Index{5});
  // Example 1 is drawn in the steps 2, 5, 8 …
  QCOMPARE(history.drawsOf(1).size(), std::size_t{2});
  history.clear();
  QCOMPARE(history.bytes(), Index{0});
  QCOMPARE(history.firstStep(), Index{0});
}

QTEST_APPLESS_MAIN(TestHistories)
#include "test_histories.moc"
