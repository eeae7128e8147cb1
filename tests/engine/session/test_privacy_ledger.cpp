// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/session/planned_spending.h"
#include "engine/session/privacy_curves.h"
#include "engine/session/privacy_ledger.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// What panels say of a run's costs, against accountants that were given the same steps by hand.
class TestPrivacyLedger : public QObject {
  Q_OBJECT

 private slots:
  void oneBranch();
  void branchesThatShareNoise();
  void continuedBranch();
  void lanesAreUses();
  void curvesAreTheAccountants();
  void planIsWhatARunSpends_data();
  void planIsWhatARunSpends();

 private:
  static StepSummary step(Index number, double sigma) {
    StepSummary s;
    s.step = number;
    s.sigma = s.gradientSigma = sigma;
    s.sampleRate = 0.05;
    return s;
  }
  static double epsilonOf(std::vector<AccountedSteps> history) {
    const auto accountant = makeAccountant("rdp");
    accountant->setHistory(std::move(history));
    return accountant->epsilon(1e-5);
  }
};

void TestPrivacyLedger::oneBranch() {
  RunHistory history;
  for (Index t = 1; t <= 20; ++t) history.append(step(t, 1));
  BranchLine main{.number = 0, .steps = 20, .name = "main", .active = true};
  const PrivacyLedger ledger = privacyLedger({main}, history, "rdp", 1e-5);
  QCOMPARE(ledger.entries.size(), std::size_t{1});
  QCOMPARE(ledger.entries[0].epsilon, epsilonOf({{1, 0.05, 20}}));
  QCOMPARE(ledger.all, ledger.entries[0].epsilon);
  QVERIFY(!ledger.sharesNoise);
}

void TestPrivacyLedger::branchesThatShareNoise() {
  // The run is on a branch of 15 steps that left main, of 20, after 8.
  RunHistory history;
  for (Index t = 1; t <= 15; ++t) history.append(step(t, t <= 8 ? 1 : 2));
  BranchLine main{.number = 0, .steps = 20, .name = "main"};
  for (Index t = 1; t <= 20; ++t) main.own.push_back(step(t, 1));
  const BranchLine other{
      .number = 1, .parent = 0, .fork = 8, .steps = 15, .name = "branch 2", .active = true};
  const PrivacyLedger ledger = privacyLedger({main, other}, history, "rdp", 1e-5);
  QCOMPARE(ledger.entries[0].epsilon, epsilonOf({{1, 0.05, 20}}));
  QCOMPARE(ledger.entries[1].epsilon, epsilonOf({{1, 0.05, 8}, {2, 0.05, 7}}));
  // Steps 9 to 15 of both have the same noise.
  QCOMPARE(ledger.entries[0].shared, Index{7});
  QCOMPARE(ledger.entries[1].shared, Index{7});
  QVERIFY(ledger.sharesNoise && std::isinf(ledger.all));
  QCOMPARE(ledger.allIndependent, epsilonOf({{1, 0.05, 20}, {2, 0.05, 7}}));
}

void TestPrivacyLedger::continuedBranch() {
  // Where main ends at the fork, all there is are the steps of the branch.
  RunHistory history;
  for (Index t = 1; t <= 8; ++t) history.append(step(t, 1));
  const BranchLine main{.number = 0, .steps = 8, .name = "main", .active = true};
  BranchLine other{.number = 1, .parent = 0, .fork = 8, .steps = 15, .name = "branch 2"};
  for (Index t = 9; t <= 15; ++t) other.own.push_back(step(t, 2));
  const PrivacyLedger ledger = privacyLedger({main, other}, history, "rdp", 1e-5);
  QVERIFY(!ledger.sharesNoise);
  QCOMPARE(ledger.all, epsilonOf({{1, 0.05, 8}, {2, 0.05, 7}}));
  QCOMPARE(ledger.entries[1].epsilon, ledger.all);
}

void TestPrivacyLedger::lanesAreUses() {
  RunHistory history, lane;
  for (Index t = 1; t <= 12; ++t) history.append(step(t, 1));
  for (Index t = 1; t <= 9; ++t) lane.append(step(t, 2));
  const BranchLine main{.number = 0, .steps = 12, .name = "main", .active = true};
  const PrivacyLedger ledger =
      privacyLedger({main, ledgerLineOf(3, "wider", lane)}, history, "rdp", 1e-5);
  QCOMPARE(ledger.entries.size(), std::size_t{2});
  QCOMPARE(ledger.entries[1].name, std::string("wider"));
  QCOMPARE(ledger.entries[1].steps, Index{9});
  QCOMPARE(ledger.entries[1].shared, Index{9});
  QCOMPARE(ledger.entries[1].epsilon, epsilonOf({{2, 0.05, 9}}));
  QCOMPARE(ledger.entries[0].epsilon, epsilonOf({{1, 0.05, 12}}));
  QVERIFY(ledger.sharesNoise && std::isinf(ledger.all));
  QCOMPARE(ledger.allIndependent, epsilonOf({{1, 0.05, 12}, {2, 0.05, 9}}));
}

void TestPrivacyLedger::curvesAreTheAccountants() {
  SpentSamples spent;
  for (Index t = 1; t <= 700; ++t) spent.append(step(t, t <= 300 ? 1 : 1.5));
  const auto samples = spent.samples();
  QVERIFY(samples.size() <= SpentSamples::most + 1 && samples.size() > SpentSamples::most / 4);
  QCOMPARE(samples.back().first, Index{700});
  const EpsilonOverSteps over =
      epsilonOverSteps(spent, 1e-5, std::pair{Index{1000}, AccountedSteps{1.5, 0.05, 300}});
  QCOMPARE(over.done, samples.size());
  QCOMPARE(over.steps.back(), Index{1000});
  for (const EpsilonCurve& curve : over.curves) {
    QCOMPARE(curve.epsilon.size(), over.steps.size());
    for (const std::size_t k : {std::size_t{0}, over.done - 1, over.steps.size() - 1}) {
      const auto accountant = makeAccountant(curve.accountant);
      accountant->add(1, 0.05, std::min<Index>(300, over.steps[k]));
      accountant->add(1.5, 0.05, std::max<Index>(0, over.steps[k] - 300));
      QCOMPARE(curve.epsilon[k], accountant->epsilon(1e-5));
    }
  }
  // What is known already is taken over.
  spent.append(step(701, 1.5));
  const EpsilonOverSteps again = epsilonOverSteps(spent, 1e-5, {}, {}, &over);
  const EpsilonOverSteps anew = epsilonOverSteps(spent, 1e-5, {});
  for (std::size_t c = 0; c < anew.curves.size(); ++c)
    QCOMPARE(again.curves[c].epsilon, anew.curves[c].epsilon);
  const EpsilonOverDelta curve = epsilonOverDelta({{1, 0.05, 100}});
  for (const EpsilonCurve& one : curve.curves)
    for (std::size_t k = 0; k + 1 < curve.deltas.size(); ++k)
      QVERIFY(one.epsilon[k + 1] > one.epsilon[k]);
}

void TestPrivacyLedger::planIsWhatARunSpends_data() {
  QTest::addColumn<QString>("scheme");
  QTest::addColumn<bool>("scheduled");
  for (const char* scheme : {"poisson", "shuffled", "fixed"})
    for (const bool scheduled : {false, true})
      QTest::addRow("%s %d", scheme, scheduled) << scheme << scheduled;
}

void TestPrivacyLedger::planIsWhatARunSpends() {
  QFETCH(QString, scheme);
  QFETCH(bool, scheduled);
  Experiment e = smallExperiment();
  e.sampling.scheme = parseSamplingScheme(scheme.toStdString(), "scheme");
  e.run.steps = 13;
  if (scheduled) e.schedules.noiseMultiplier = parseSchedule("exponential:0.97", "schedule");
  Trainer trainer(e, smallData());
  for (int k = 0; k < 13; ++k) trainer.finishStep();
  const Index examples = trainer.record()->info->datasetSize;
  QCOMPARE(plannedEpsilonOf(e, examples), trainer.record()->account->epsilon);
  // A batch of less than half an example is one that is often empty.
  Experiment tiny = e;
  tiny.sampling.expectedBatchSize = 0.3;
  QVERIFY(plannedEpsilonOf(tiny, examples) > 0);
  const double sigma = plannedSigma(e, examples, 4);
  QCOMPARE(std::isnan(sigma), scheduled);
  if (scheduled) return;
  e.noise.noiseMultiplier = sigma;
  const double spent = plannedEpsilonOf(e, examples);
  QVERIFY(spent <= 4 && spent > 4 * (1 - 1e-6));
}

QTEST_GUILESS_MAIN(TestPrivacyLedger)
#include "test_privacy_ledger.moc"
