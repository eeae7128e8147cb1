// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <thread>

#include "engine/error.h"
#include "engine/session/run_session.h"
#include "tests/support/straight_run.h"

using namespace clipscope;
using namespace clipscope::test;

/// A run with its past, held against one that never looked back: the same bits in every part of
/// every record, wherever one jumps.
class TestRunSession : public QObject {
  Q_OBJECT

 private slots:
  void jumpsAreExact_data();
  void jumpsAreExact();
  void stepsAndPhasesBack();
  void keepsItsBudget();
  void walksBackWithoutReplayingFromAfar();
  void evaluationsAreRemembered();
  void changeInThePastLeavesTheFuture();
  void changeMidStepWaits();
  void unchangedSettingsForgetNothing();
  void cancelledJumpStays();
  void cancelledInsideABlock();
  void cancelledAdvanceIsConsistent();
  void resetForgets();
  void refusesTheUnknown();
  void newsAddUp();
};

namespace {

bool sameParameters(const Parameters& a, const Parameters& b) {
  const auto x = a.flat(), y = b.flat();
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size_bytes()) == 0;
}

Phase phaseAt(int index) { return static_cast<Phase>(index); }

}  // namespace

void TestRunSession::jumpsAreExact_data() {
  QTest::addColumn<Index>("fits");
  for (const char* name :
       {"rows", "rows, momentum", "rows, grouped median", "rows, empty batches", "rows, automatic",
        "rows, changes", "images, momentum", "images, grouped median", "images, changes"})
    QTest::newRow(name) << Index{1000};
  QTest::newRow("few checkpoints: rows, momentum") << Index{6};
  QTest::newRow("few checkpoints: rows, changes") << Index{4};
  QTest::newRow("only the first: rows, grouped median") << Index{0};
}

void TestRunSession::jumpsAreExact() {
  QFETCH(Index, fits);
  const Setup s = setup(QTest::currentDataTag());
  const Straight straight(s);
  PastSettings past;
  past.checkpointEvery = 3;
  {
    // A checkpoint of the middle of the run says how large one is.
    Trainer trainer(s.experiment, s.data);
    trainer.finishStep();
    past.byteBudget = fits * trainer.checkpoint()->bytes() * 2;
  }
  RunSession session(s.experiment, s.data, past);
  train(session, s);
  QCOMPARE(differenceFrom(straight, session), std::string());
  QCOMPARE(session.position().knownSteps, runSteps);

  std::mt19937 random(11);
  int evaluated = 0, emptySeen = 0;
  for (int jump = 0; jump < 200; ++jump) {
    const Index step = static_cast<Index>(random() % (runSteps + 1));
    const Phase phase = phaseAt(static_cast<int>(random() % phaseCount));
    switch (random() % 4) {
      case 0:
        session.phaseBack();
        break;
      case 1:
        // Forwards, through the known and never beyond it.
        if (session.position().isPast()) {
          session.advanceTo(phase);
          break;
        }
        [[fallthrough]];
      default:
        session.goTo(step, phase);
        QCOMPARE(session.record()->step, step);
        if (step > 0) QCOMPARE(*session.record()->completed, phase);
    }
    const std::string difference = differenceFrom(straight, session);
    QVERIFY2(difference.empty(),
             (difference + " differs at step " + std::to_string(session.record()->step)).c_str());
    const bool updated = session.record()->has(Phase::Update);
    const Index done = session.record()->step - (updated || session.record()->step == 0 ? 0 : 1);
    QVERIFY(sameParameters(session.trainer().parameters(),
                           straight.parameters[static_cast<std::size_t>(done)]));
    QVERIFY(!session.evaluationDue());
    evaluated += session.record()->evaluation != nullptr;
    emptySeen += session.record()->sample && session.record()->batchSize() == 0;
    QCOMPARE(session.position().knownSteps, runSteps);
  }
  QVERIFY(evaluated > 0);
  QCOMPARE(emptySeen > 0, QString(QTest::currentDataTag()).endsWith("empty batches"));

  // From anywhere the run goes on as the straight one did.
  const Straight longer(s, runSteps + 4);
  session.goTo(12, Phase::Norms);
  while (session.record()->step < runSteps + 4 || session.record()->completed != Phase::Account) {
    session.finishStep();
    if (session.evaluationDue()) session.evaluate();
    QCOMPARE(differenceFrom(longer, session), std::string());
  }
}

void TestRunSession::stepsAndPhasesBack() {
  const Setup s = setup("rows, momentum");
  const Straight straight(s, 3);
  RunSession session(s.experiment, s.data);
  QVERIFY(!session.position().canStepBack());
  session.stepBack();
  session.phaseBack();
  QCOMPARE(session.record()->step, Index{0});
  train(session, s, 3);
  // Back phase by phase to the very beginning, then forward again.
  for (Index step = 3; step >= 1; --step)
    for (int phase = phaseCount - 1; phase >= 0; --phase) {
      QCOMPARE(session.record()->step, step);
      QCOMPARE(*session.record()->completed, phaseAt(phase));
      QCOMPARE(differenceFrom(straight, session), std::string());
      QVERIFY(session.position().canStepBack());
      session.phaseBack();
    }
  QCOMPARE(session.record()->step, Index{0});
  QVERIFY(!session.record()->completed && !session.record()->sample);
  QVERIFY(session.position().isPast());
  for (Index step = 1; step <= 3; ++step)
    for (const Phase phase : allPhases) {
      session.advanceTo(phase);
      QCOMPARE(session.record()->step, step);
      QCOMPARE(*session.record()->completed, phase);
      QCOMPARE(differenceFrom(straight, session), std::string());
    }
  QVERIFY(!session.position().isPast());
  // A step back leads to the end of the step before, from its end as from its middle.
  session.stepBack();
  QCOMPARE(session.record()->step, Index{2});
  QCOMPARE(differenceFrom(straight, session), std::string());
  session.advanceTo(Phase::Norms);
  session.stepBack();
  QCOMPARE(session.record()->step, Index{2});
  QCOMPARE(*session.record()->completed, Phase::Account);
}

void TestRunSession::keepsItsBudget() {
  const Setup s = setup("rows, momentum");
  PastSettings past;
  past.checkpointEvery = 1;
  past.byteBudget = 60000;
  RunSession session(s.experiment, s.data, past);
  std::mt19937 random(2);
  Index largest = 0;
  for (int round = 0; round < 20; ++round) {
    for (int step = 0; step < 20; ++step) {
      session.finishStep();
      largest = std::max(largest, session.position().checkpointBytes);
      QVERIFY(session.position().checkpointBytes <= past.byteBudget);
    }
    const Index known = session.position().knownSteps;
    session.goTo(static_cast<Index>(random()) % known, Phase::Clip);
    QVERIFY(session.position().checkpointBytes <= past.byteBudget);
    session.goTo(known, Phase::Account);
    QVERIFY(session.position().checkpointBytes <= past.byteBudget);
  }
  QVERIFY(largest > past.byteBudget / 2);
  QVERIFY(session.checkpoints().keptPerLevel() > 0);
  // Bytes count what a checkpoint holds: parameters, and momentum of the same size.
  const auto checkpoint = session.trainer().checkpoint();
  const auto floats = static_cast<Index>(session.trainer().parameters().flat().size_bytes());
  QVERIFY(checkpoint->bytes() >= 2 * floats - 200);
  QVERIFY(checkpoint->bytes() < 2 * floats + 1000);
}

void TestRunSession::walksBackWithoutReplayingFromAfar() {
  const Setup s = setup("rows");
  PastSettings past;
  past.checkpointEvery = 100;
  RunSession session(s.experiment, s.data, past);
  train(session, s, 90);
  session.goTo(80, Phase::Account);
  QCOMPARE(session.position().checkpoints, Index{9});
  // Eight single steps before it are kept: going back over them adds none.
  for (Index step = 79; step >= 73; --step) {
    session.stepBack();
    QCOMPARE(session.record()->step, step);
    QCOMPARE(session.position().checkpoints, Index{9});
  }
}

void TestRunSession::evaluationsAreRemembered() {
  const Setup s = setup("rows");
  RunSession session(s.experiment, s.data);
  train(session, s, 9);
  const auto evaluation = session.record()->evaluation;
  QVERIFY(evaluation);
  session.goTo(4, Phase::Account);
  QVERIFY(!session.record()->evaluation);
  session.goTo(9, Phase::Account);
  // The very same part, not one like it.
  QCOMPARE(session.record()->evaluation, evaluation);
  session.goTo(8, Phase::Account);
  session.finishStep();
  QCOMPARE(session.record()->evaluation, evaluation);
  // One that was not asked for at its time can be made later, and is remembered then.
  session.goTo(5, Phase::Account);
  const auto later = session.evaluate()->evaluation;
  session.goTo(1, Phase::Account);
  session.goTo(5, Phase::Account);
  QCOMPARE(session.record()->evaluation, later);
}

void TestRunSession::changeInThePastLeavesTheFuture() {
  const Setup s = setup("rows, momentum");
  RunSession session(s.experiment, s.data);
  RunHistory history;
  train(session, s, 20);
  session.takeNews().addTo(history);
  QCOMPARE(history.steps(), Index{20});

  Setup other = s;
  other.changes[8] = [](Experiment& e) {
    e.clipping.maxGradNorm = 0.2;
    e.run.evaluateEvery = 5;
  };
  const Straight straight(s), changed(other);
  session.goTo(8, Phase::Account);
  Experiment experiment = s.experiment;
  other.changes[8](experiment);
  session.apply(experiment);
  // As long as nothing is advanced the future stays; the change waits.
  QCOMPARE(session.experiment().clipping.maxGradNorm, 0.2);
  session.goTo(15, Phase::Clip);
  QCOMPARE(differenceFrom(straight, session), std::string());
  QCOMPARE(session.position().knownSteps, Index{20});
  QCOMPARE(session.experiment().clipping.maxGradNorm, 0.2);
  session.goTo(8, Phase::Account);
  session.advanceTo(Phase::Norms);
  QCOMPARE(session.position().knownSteps, Index{9});
  QVERIFY(!session.position().isPast());
  QCOMPARE(differenceFrom(changed, session), std::string());
  QVERIFY_THROWS_EXCEPTION(SettingError, session.goTo(10, Phase::Sample));
  while (session.record()->step < 20) {
    session.finishStep();
    if (session.evaluationDue()) session.evaluate();
    if (session.record()->completed == Phase::Account)
      QCOMPARE(differenceFrom(changed, session), std::string());
  }
  // The evaluations of the future stay with the branch that was left: 12 had one, 10 has one now.
  session.goTo(12, Phase::Account);
  QVERIFY(!session.record()->evaluation);
  session.goTo(10, Phase::Account);
  QVERIFY(session.record()->evaluation);
  QCOMPARE(differenceFrom(changed, session), std::string());
  session.goTo(6, Phase::Account);
  QVERIFY(session.record()->evaluation);
  QCOMPARE(differenceFrom(straight, session), std::string());
  session.takeNews().addTo(history);
  QCOMPARE(history.steps(), Index{20});
  QCOMPARE(history.at(8).maxGradNorm, 1.0);
  QCOMPARE(history.at(9).maxGradNorm, 0.2);
}

void TestRunSession::changeMidStepWaits() {
  const Setup s = setup("rows");
  Setup other = s;
  other.changes[5] = [](Experiment& e) { e.noise.noiseMultiplier = 3; };
  const Straight changed(other);
  RunSession session(s.experiment, s.data);
  train(session, s, 4);
  session.advanceTo(Phase::Clip);
  Experiment experiment = s.experiment;
  other.changes[5](experiment);
  session.apply(experiment);
  session.finishStep();
  session.advanceTo(Phase::Noise);
  QCOMPARE(session.record()->step, Index{6});
  QCOMPARE(differenceFrom(changed, session), std::string());
  // The settings shown belong to the step that comes next where one stands.
  session.goTo(3, Phase::Norms);
  QCOMPARE(session.experiment().noise.noiseMultiplier, 1.1);
  session.goTo(4, Phase::Account);
  QCOMPARE(session.experiment().noise.noiseMultiplier, 1.1);
  session.goTo(5, Phase::Forward);
  QCOMPARE(session.experiment().noise.noiseMultiplier, 3.0);
  session.goTo(6, Phase::Noise);
  QCOMPARE(differenceFrom(changed, session), std::string());
}

void TestRunSession::unchangedSettingsForgetNothing() {
  const Setup s = setup("rows, changes");
  const Straight straight(s);
  RunSession session(s.experiment, s.data);
  train(session, s, 20);
  session.goTo(9, Phase::Account);
  Experiment edited = session.experiment();
  const Experiment before = edited;
  edited.clipping.maxGradNorm = 9;
  session.apply(edited);
  session.apply(before);
  session.finishStep();
  QCOMPARE(session.position().knownSteps, Index{20});
  // And the changes that came later in the run still come.
  while (session.position().isPast()) {
    session.finishStep();
    QCOMPARE(differenceFrom(straight, session), std::string());
  }
  Experiment bad = before;
  bad.clipping.maxGradNorm = -1;
  QVERIFY_THROWS_EXCEPTION(SettingError, session.apply(bad));
  bad = before;
  bad.run.seed = 99;
  QVERIFY_THROWS_EXCEPTION(SettingError, session.apply(bad));
  session.finishStep();
  QCOMPARE(differenceFrom(straight, session), std::string());
}

void TestRunSession::cancelledJumpStays() {
  const Setup s = setup("rows, momentum");
  const Straight straight(s);
  PastSettings past;
  past.checkpointEvery = 1000;
  RunSession session(s.experiment, s.data, past);
  train(session, s, 20);
  session.goTo(14, Phase::Clip);
  const auto record = session.record();
  std::stop_source stop;
  stop.request_stop();
  QVERIFY_THROWS_EXCEPTION(Cancelled, session.goTo(3, Phase::Norms, stop.get_token()));
  QCOMPARE(session.record(), record);
  QCOMPARE(session.record()->step, Index{14});
  session.advanceTo(Phase::Noise);
  QCOMPARE(session.record()->step, Index{14});
  QCOMPARE(differenceFrom(straight, session), std::string());
}

void TestRunSession::cancelledInsideABlock() {
  // The stop comes at any moment of a long jump, from another thread; whenever it comes, the
  // session is where it was, and everything that follows is exact.
  Setup s = setup("images, grouped median");
  const Straight straight(s);
  PastSettings past;
  past.checkpointEvery = 1000;
  RunSession session(s.experiment, s.data, past);
  train(session, s);
  int cancelled = 0;
  std::mt19937 random(5);
  for (int round = 0; round < 60 || (cancelled < 5 && round < 2000); ++round) {
    session.goTo(2 + static_cast<Index>(random() % 5), phaseAt(static_cast<int>(random() % 8)));
    const auto record = session.record();
    std::stop_source stop;
    std::jthread canceller([&stop, wait = random() % 500] {
      std::this_thread::sleep_for(std::chrono::microseconds(wait));
      stop.request_stop();
    });
    try {
      session.goTo(runSteps, Phase::Account, stop.get_token());
    } catch (const Cancelled&) {
      ++cancelled;
      QCOMPARE(session.record(), record);
      QCOMPARE(session.position().knownSteps, runSteps);
      switch (round % 3) {
        case 0:
          session.finishStep();
          break;
        case 1:
          session.phaseBack();
          break;
        default:
          QVERIFY(session.probe());
          QCOMPARE(session.probe()->examples(), record->sample->examples);
          QCOMPARE(session.record()->step, record->step);
      }
    }
    QCOMPARE(differenceFrom(straight, session), std::string());
  }
  // 25 steps of these take half a millisecond or more, and a thread that sleeps wakes up late: most
  // stops may come too late, not all of 2000.
  QVERIFY2(cancelled >= 5, qPrintable(QString::number(cancelled)));
}

void TestRunSession::cancelledAdvanceIsConsistent() {
  const Setup s = setup("images, momentum");
  const Straight straight(s);
  RunSession session(s.experiment, s.data);
  std::mt19937 random(7);
  while (session.record()->step < runSteps || session.record()->completed != Phase::Account) {
    std::stop_source stop;
    std::jthread canceller([&stop, wait = random() % 400] {
      std::this_thread::sleep_for(std::chrono::microseconds(wait));
      stop.request_stop();
    });
    try {
      session.finishStep(stop.get_token());
    } catch (const Cancelled&) {
      // Phases that were complete by then stay complete; the next round goes on.
    }
    if (session.evaluationDue()) session.evaluate();
    QCOMPARE(differenceFrom(straight, session), std::string());
  }
  session.goTo(17, Phase::Update);
  QCOMPARE(differenceFrom(straight, session), std::string());
}

void TestRunSession::resetForgets() {
  const Setup s = setup("rows");
  RunSession session(s.experiment, s.data);
  RunHistory history;
  ExampleHistory draws;
  train(session, s, 12);
  {
    const RunNews news = session.takeNews();
    news.addTo(history);
    news.addTo(draws);
  }
  QCOMPARE(draws.lastStep(), Index{12});
  Setup other = s;
  other.experiment.noise.noiseMultiplier = 2;
  session.apply(other.experiment);
  session.reset();
  QCOMPARE(session.record()->step, Index{0});
  QCOMPARE(session.position().knownSteps, Index{0});
  QVERIFY(!session.position().canStepBack() && !session.position().isPast());
  const RunNews news = session.takeNews();
  news.addTo(history);
  news.addTo(draws);
  QCOMPARE(history.steps(), Index{0});
  QCOMPARE(draws.lastStep(), Index{0});
  const Straight straight(other, 3);
  train(session, other, 3);
  QCOMPARE(differenceFrom(straight, session), std::string());
  session.goTo(2, Phase::Clip);
  QCOMPARE(differenceFrom(straight, session), std::string());
}

void TestRunSession::refusesTheUnknown() {
  const Setup s = setup("rows");
  RunSession session(s.experiment, s.data);
  train(session, s, 3);
  const auto record = session.record();
  QVERIFY_THROWS_EXCEPTION(SettingError, session.goTo(4, Phase::Sample));
  QVERIFY_THROWS_EXCEPTION(SettingError, session.goTo(-1, Phase::Sample));
  QCOMPARE(session.record(), record);
  // A step that was only begun is known whole: it can come out in one way only.
  session.advanceTo(Phase::Clip);
  session.goTo(2, Phase::Clip);
  session.goTo(4, Phase::Account);
  QCOMPARE(differenceFrom(Straight(s, 4), session), std::string());
}

void TestRunSession::newsAddUp() {
  // However often one asks, and wherever one jumps between, the histories are those of the run.
  Setup s = setup("rows, changes");
  const Straight straight(s);
  RunSession session(s.experiment, s.data);
  RunHistory history;
  ExampleHistory draws;
  std::mt19937 random(3);
  Experiment experiment = s.experiment;
  for (Index step = 1; step <= runSteps; ++step) {
    if (const auto change = s.changes.find(step - 1); change != s.changes.end()) {
      change->second(experiment);
      session.apply(experiment);
    }
    session.finishStep();
    const auto ask = [&] {
      const RunNews news = session.takeNews();
      news.addTo(history);
      news.addTo(draws);
    };
    if (random() % 2 == 0) ask();  // before its evaluation
    if (session.evaluationDue()) session.evaluate();
    if (random() % 3 == 0 || step == runSteps) ask();
    session.goTo(static_cast<Index>(random()) % (step + 1), Phase::Clip);
    session.goTo(step, Phase::Account);
  }
  QCOMPARE(history.steps(), runSteps);
  std::size_t drawn = 0;
  for (Index example = 0; example < 120; ++example) drawn += draws.drawsOf(example).size();
  for (Index step = 1; step <= runSteps; ++step) {
    drawn -= straight.records.at({step, Phase::Account})->sample->examples.size();
    const StepSummary wanted = summaryOf(*straight.records.at({step, Phase::Account}));
    const StepSummary& got = history.at(step);
    QCOMPARE(got.step, step);
    QVERIFY(sameBits(got.loss, wanted.loss) && sameBits(got.epsilon, wanted.epsilon));
    QVERIFY(sameBits(got.testAccuracy, wanted.testAccuracy));
    QVERIFY(sameBits(got.testLoss, wanted.testLoss));
    QVERIFY(sameBits(got.q50, wanted.q50) && sameBits(got.updateNorm, wanted.updateNorm));
  }
  QCOMPARE(drawn, std::size_t{0});
}

QTEST_APPLESS_MAIN(TestRunSession)
#include "test_run_session.moc"
