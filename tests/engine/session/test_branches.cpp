// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <random>
#include <stop_token>

#include "engine/error.h"
#include "tests/support/straight_run.h"

using namespace clipscope;
using namespace clipscope::test;

/// The branches of a run: each is, to the bit, the run that never was on another one.
class TestBranches : public QObject {
  Q_OBJECT

 private slots:
  void eachIsTheRunThatNeverLeft();
  void sameSettingsMakeNone();
  void aStepUnderWayIsNoBranch();
  void cancelledSwitchStays();
  void namesAndPrunes();
  void newsFollowTheBranch();
  void drawsComeBack();
};

namespace {

void advance(RunSession& session, Index step) {
  while (session.stepsDone() < step) {
    session.finishStep();
    if (session.evaluationDue()) session.evaluate();
  }
}

/// Three branches: the run; from its step 8 on another C; from that one's step 12 on another σ,
/// momentum and batch; and one that leaves the second at a step that is the first's.
struct Forest {
  explicit Forest(PastSettings past = {}) : session(base.experiment, base.data, past) {
    base = setup("rows, momentum");
    setups.push_back(base);
    setups.push_back(base);
    setups[1].changes[8] = [](Experiment& e) {
      e.clipping.maxGradNorm = 0.2;
      e.run.evaluateEvery = 5;
    };
    setups.push_back(setups[1]);
    setups[2].changes[12] = [](Experiment& e) {
      e.noise.noiseMultiplier = 3;
      e.optimizer.momentum = 0.2;
      e.sampling.expectedBatchSize = 25;
    };
    setups.push_back(base);
    setups[3].changes[4] = [](Experiment& e) { e.clipping.grouping = GroupingKind::PerLayer; };
    for (const Setup& one : setups) straight.emplace_back(one);

    advance(session, 20);
    change(1, 0, 8, 16);
    change(2, 1, 12, 24);
    // Asked for from branch 1, but its step 4 is the root's.
    change(3, 1, 4, 10);
  }

  void change(std::size_t made, int from, Index at, Index to) {
    session.goTo(from, at, Phase::Account);
    Experiment experiment = session.experiment();
    setups[made].changes.at(at)(experiment);
    session.apply(experiment);
    advance(session, to);
  }

  Setup base = setup("rows, momentum");
  std::vector<Setup> setups;
  std::vector<Straight> straight;
  RunSession session;
};

std::string differenceOn(const Forest& forest) {
  return differenceFrom(forest.straight[static_cast<std::size_t>(forest.session.branch())],
                        forest.session);
}

}  // namespace

void TestBranches::eachIsTheRunThatNeverLeft() {
  PastSettings past;
  past.checkpointEvery = 3;
  Forest forest(past);
  RunSession& session = forest.session;
  const auto& branches = session.tree().branches();
  QCOMPARE(branches.size(), std::size_t{4});
  QCOMPARE(session.branch(), 3);
  const std::pair<int, Index> forks[] = {{-1, 0}, {0, 8}, {1, 12}, {0, 4}};
  const Index steps[] = {20, 16, 24, 10};
  for (std::size_t b = 0; b < 4; ++b) {
    QCOMPARE(std::pair(branches[b].parent, branches[b].fork), forks[b]);
    QCOMPARE(branches[b].steps, steps[b]);
  }
  QCOMPARE(differenceOn(forest), std::string());

  std::mt19937 random(5);
  int switched = 0;
  for (int jump = 0; jump < 300; ++jump) {
    const int before = session.branch();
    const int branch = static_cast<int>(random() % 4);
    const auto step =
        static_cast<Index>(random() % static_cast<unsigned>(session.tree().at(branch).steps + 1));
    session.goTo(branch, step, static_cast<Phase>(random() % phaseCount));
    QCOMPARE(session.branch(), branch);
    QCOMPARE(session.record()->step, step);
    QCOMPARE(session.position().knownSteps, session.tree().at(branch).steps);
    const std::string difference = differenceOn(forest);
    QVERIFY2(difference.empty(), (difference + " differs at step " + std::to_string(step) +
                                  " of branch " + std::to_string(branch))
                                     .c_str());
    switched += branch != before;
  }
  QVERIFY(switched > 100);
  // And on from the end of each, without a further branch.
  for (int branch = 3; branch >= 0; --branch) {
    session.goTo(branch, session.tree().at(branch).steps, Phase::Account);
    advance(session, session.tree().at(branch).steps + 3);
    QCOMPARE(differenceOn(forest), std::string());
  }
  QCOMPARE(branches.size(), std::size_t{4});
}

void TestBranches::sameSettingsMakeNone() {
  Forest forest;
  RunSession& session = forest.session;
  session.goTo(2, 6, Phase::Account);
  Experiment experiment = session.experiment();
  experiment.clipping.maxGradNorm = 7;
  session.apply(experiment);
  experiment.clipping.maxGradNorm = 1;
  session.apply(experiment);
  advance(session, 24);
  QCOMPARE(session.branch(), 2);
  QCOMPARE(session.tree().branches().size(), std::size_t{4});
  QCOMPARE(differenceOn(forest), std::string());
}

void TestBranches::aStepUnderWayIsNoBranch() {
  const Setup s = setup("rows");
  RunSession session(s.experiment, s.data);
  advance(session, 5);
  session.advanceTo(Phase::Norms);
  session.goTo(5, Phase::Account);
  Experiment experiment = session.experiment();
  experiment.clipping.maxGradNorm = 0.1;
  session.apply(experiment);
  advance(session, 6);
  QCOMPARE(session.tree().branches().size(), std::size_t{1});
  Setup other = s;
  other.changes[5] = [](Experiment& e) { e.clipping.maxGradNorm = 0.1; };
  QCOMPARE(differenceFrom(Straight(other, 6), session), std::string());
}

void TestBranches::cancelledSwitchStays() {
  PastSettings past;
  past.checkpointEvery = 1000;
  Forest forest(past);
  RunSession& session = forest.session;
  session.advanceTo(Phase::Clip);  // of step 11, which is under way
  const auto record = session.record();
  std::stop_source stopped;
  stopped.request_stop();
  QVERIFY_THROWS_EXCEPTION(Cancelled, session.goTo(2, 20, Phase::Account, stopped.get_token()));
  QCOMPARE(session.record(), record);
  QCOMPARE(session.branch(), 3);
  QCOMPARE(session.position().knownSteps, Index{11});
  QCOMPARE(session.position().knownPhase, std::optional(Phase::Clip));
  session.finishStep();
  QCOMPARE(differenceOn(forest), std::string());
  QVERIFY_THROWS_EXCEPTION(SettingError, session.goTo(0, 21, Phase::Account));
  QVERIFY_THROWS_EXCEPTION(SettingError, session.goTo(9, 1, Phase::Account));
  QCOMPARE(session.branch(), 3);
}

void TestBranches::namesAndPrunes() {
  Forest forest;
  RunSession& session = forest.session;
  session.renameBranch(1, "C 0.2");
  QCOMPARE(session.tree().at(1).name, std::string("C 0.2"));
  QVERIFY_THROWS_EXCEPTION(SettingError, session.renameBranch(1, ""));
  QVERIFY_THROWS_EXCEPTION(SettingError, session.renameBranch(8, "x"));
  QVERIFY_THROWS_EXCEPTION(SettingError, session.pruneBranch(0));
  QVERIFY_THROWS_EXCEPTION(SettingError, session.pruneBranch(3));
  session.goTo(2, 20, Phase::Account);
  QVERIFY_THROWS_EXCEPTION(SettingError, session.pruneBranch(1));  // 2 comes from it
  session.goTo(3, 9, Phase::Account);
  session.pruneBranch(1);
  QVERIFY(!session.tree().contains(1) && !session.tree().contains(2));
  QCOMPARE(session.tree().branches().size(), std::size_t{2});
  QVERIFY_THROWS_EXCEPTION(SettingError, session.goTo(2, 1, Phase::Account));
  session.goTo(0, 18, Phase::Account);
  QCOMPARE(differenceOn(forest), std::string());
  // A new one does not take a number that was used.
  Experiment experiment = session.experiment();
  experiment.clipping.maxGradNorm = 0.7;
  session.apply(experiment);
  session.finishStep();
  QCOMPARE(session.branch(), 4);
}

void TestBranches::newsFollowTheBranch() {
  Forest forest;
  RunSession& session = forest.session;
  RunHistory history;
  const auto check = [&](int branch) {
    const RunNews news = session.takeNews();
    news.addTo(history);
    QCOMPARE(history.steps(), session.tree().at(branch).steps);
    for (Index step = 1; step <= history.steps(); ++step) {
      const auto& straight = forest.straight[static_cast<std::size_t>(branch)];
      const StepSummary wanted = summaryOf(*straight.records.at({step, Phase::Account}));
      QVERIFY(sameBits(history.at(step).loss, wanted.loss));
      QVERIFY(sameBits(history.at(step).testAccuracy, wanted.testAccuracy));
      QCOMPARE(history.at(step).maxGradNorm, wanted.maxGradNorm);
    }
    QVERIFY(news.branches);
    QCOMPARE(news.branches->size(), std::size_t{4});
    for (const BranchLine& line : *news.branches) {
      const auto own = line.number == branch ? 0 : line.steps - line.fork;
      QCOMPARE(static_cast<Index>(line.own.size()), own);
      for (const StepSummary& one : line.own) {
        const auto& straight = forest.straight[static_cast<std::size_t>(line.number)];
        QVERIFY(
            sameBits(one.loss, straight.records.at({one.step, Phase::Account})->forward->meanLoss));
      }
    }
  };
  check(3);
  for (const int branch : {0, 2, 1, 2, 3}) {
    session.goTo(branch, 3, Phase::Account);
    check(branch);
  }
  QVERIFY(!session.takeNews().branches);
  const auto lines = [&] {
    session.renameBranch(1, "other");
    return session.takeNews().branches;
  }();
  QVERIFY(lines);
  QCOMPARE((*lines)[1].name, std::string("other"));
  QCOMPARE((*lines)[1].change, std::string("max_grad_norm 1.0 → 0.2"));
  QCOMPARE((*lines)[0].change, std::string());
}

void TestBranches::drawsComeBack() {
  Forest forest;
  RunSession& session = forest.session;
  ExampleHistory draws;
  session.takeNews().addTo(draws);
  for (const int branch : {2, 0, 1, 3, 2}) {
    session.goTo(branch, 2, Phase::Clip);
    session.takeNews().addTo(draws);
    const Index steps = session.tree().at(branch).steps;
    QCOMPARE(draws.lastStep(), steps);
    std::size_t known = 0, wanted = 0;
    for (const auto& step : draws.steps()) known += step->draws.size();
    for (Index step = 1; step <= steps; ++step)
      wanted += forest.straight[static_cast<std::size_t>(branch)]
                    .records.at({step, Phase::Account})
                    ->sample->examples.size();
    QCOMPARE(known, wanted);
  }
}

QTEST_APPLESS_MAIN(TestBranches)
#include "test_branches.moc"
