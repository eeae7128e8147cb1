// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <functional>

#include "engine/error.h"
#include "engine/session/breakpoints.h"
#include "engine/session/run_session.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Conditions are understood or refused with what is wrong; a run stops where a plain run of the
/// same seed says that it must, and goes on with the same bits.
class TestBreakpoints : public QObject {
  Q_OBJECT

 private slots:
  void understands_data();
  void understands();
  void refuses_data();
  void refuses();
  void stopsWhereThePlainRunSays_data();
  void stopsWhereThePlainRunSays();
  void goesOnWithTheSameBits();
  void countsAndSkips();
  void examplesAndClasses();
  void whatIsNotFinite();

 private:
  /// Steps that a run with this one breakpoint stops at, in its first `steps`.
  static std::vector<std::pair<Index, Phase>> stopsOf(const std::string& condition, Index steps) {
    RunSession session(smallExperiment(), smallData());
    Breakpoints breakpoints;
    breakpoints.list().emplace_back(BreakCondition(condition));
    std::vector<std::pair<Index, Phase>> stops;
    while (session.stepsDone() < steps)
      if (const auto hit = breakpoints.finishStep(session))
        stops.emplace_back(hit->step, hit->phase);
    return stops;
  }
};

void TestBreakpoints::understands_data() {
  QTest::addColumn<QString>("text");
  QTest::addColumn<QList<int>>("phases");
  const auto row = [](const char* text, std::vector<Phase> phases) {
    QList<int> list;
    for (const Phase phase : phases) list << static_cast<int>(phase);
    QTest::newRow(text) << QString::fromLatin1(text) << list;
  };
  row("clipped_fraction > 0.9", {Phase::Clip});
  row("clipped_fraction>0.9", {Phase::Clip});
  row("epsilon >= 1e0", {Phase::Account});
  row("loss < 0.5 and snr > 2", {Phase::Noise});
  row("example 12 or class 2 and step >= 10", {Phase::Sample});
  row("nan or epsilon > 3", {Phase::Clip, Phase::Account});
  row("phase norms and norm_max > 4", {Phase::Norms});
  row("phase Backward and loss > 1", {Phase::Backward});
  row("phase sample and norm_q95 > 1", {Phase::Norms});
  row("every 5 steps", {Phase::Sample});
  row("every 5 and phase account", {Phase::Account});
  row("class \"a\"", {Phase::Sample});
}

void TestBreakpoints::understands() {
  QFETCH(QString, text);
  QFETCH(QList<int>, phases);
  const BreakCondition condition(text.toStdString());
  QList<int> got;
  for (const Phase phase : condition.phases()) got << static_cast<int>(phase);
  QCOMPARE(got, phases);
  QCOMPARE(condition.text(), text.toStdString());
}

void TestBreakpoints::refuses_data() {
  QTest::addColumn<QString>("text");
  QTest::addColumn<QString>("says");
  QTest::newRow("nothing") << ""
                           << "at its end";
  QTest::newRow("unknown") << "clip > 3"
                           << "clipped_fraction";
  QTest::newRow("no sign") << "loss 3"
                           << "<, <=, > or >=";
  QTest::newRow("equality") << "loss = 3"
                            << "<, <=, > or >=";
  QTest::newRow("no number") << "loss < much"
                             << "a number";
  QTest::newRow("nan limit") << "loss < nan"
                             << "a number";
  QTest::newRow("trailing") << "loss < 3 4"
                            << "nothing";
  QTest::newRow("dangling and") << "loss < 3 and"
                                << "at its end";
  QTest::newRow("example") << "example -1"
                           << "number of an example";
  QTest::newRow("every") << "every 0"
                         << "number of steps";
  QTest::newRow("phase") << "phase clipping"
                         << "forward";
  QTest::newRow("quote") << "class \"a"
                         << "quote";
}

void TestBreakpoints::refuses() {
  QFETCH(QString, text);
  QFETCH(QString, says);
  try {
    BreakCondition condition(text.toStdString());
    QFAIL("was taken");
  } catch (const SettingError& error) {
    QVERIFY2(QString::fromUtf8(error.what()).contains(says), error.what());
  }
}

void TestBreakpoints::stopsWhereThePlainRunSays_data() {
  using Holds = std::function<bool(const StepRecord&)>;
  QTest::addColumn<QString>("condition");
  QTest::addColumn<Holds>("holds");
  QTest::addColumn<int>("phase");
  const auto row = [](const char* condition, Holds holds, Phase phase) {
    QTest::newRow(condition) << QString::fromLatin1(condition) << holds << static_cast<int>(phase);
  };
  using R = const StepRecord&;
  row(
      "clipped_fraction > 0.6", [](R r) { return r.clip->clippedFraction > 0.6; }, Phase::Clip);
  row(
      "norm_q50 <= 1.1", [](R r) { return r.norms->q50 <= 1.1; }, Phase::Clip);
  row(
      "snr > 0.25", [](R r) { return r.noise->snr > 0.25; }, Phase::Noise);
  row(
      "loss < 1.1", [](R r) { return r.forward->meanLoss < 1.1; }, Phase::Clip);
  row(
      "phase forward and loss < 1.1", [](R r) { return r.forward->meanLoss < 1.1; },
      Phase::Forward);
  row(
      "epsilon > 2 and batch_size < 17",
      [](R r) { return r.account->epsilon > 2 && r.sample->examples.size() < 17; }, Phase::Account);
  row(
      "update_norm > 0.2 or every 7",
      [](R r) { return r.update->updateNorm > 0.2 && r.step % 7 != 0; }, Phase::Update);
}

void TestBreakpoints::stopsWhereThePlainRunSays() {
  using Holds = std::function<bool(const StepRecord&)>;
  QFETCH(QString, condition);
  QFETCH(Holds, holds);
  QFETCH(int, phase);
  constexpr Index steps = 40;
  Trainer plain(smallExperiment(), smallData());
  std::vector<Index> wanted;
  for (Index t = 1; t <= steps; ++t)
    if (holds(*plain.finishStep())) wanted.push_back(t);
  QVERIFY2(!wanted.empty() && wanted.size() < steps, "the condition says nothing");
  std::vector<Index> got;
  for (const auto& [step, at] : stopsOf(condition.toStdString(), steps))
    if (static_cast<int>(at) == phase) got.push_back(step);
  // A step that stopped at an earlier phase goes on, and is looked at there as well.
  if (condition.contains(QStringLiteral("every")))
    std::erase_if(got, [](Index step) { return step % 7 == 0; });
  QCOMPARE(got, wanted);
}

void TestBreakpoints::goesOnWithTheSameBits() {
  Trainer plain(smallExperiment(), smallData());
  for (int t = 0; t < 12; ++t) plain.finishStep();
  RunSession session(smallExperiment(), smallData());
  Breakpoints breakpoints;
  for (const char* condition : {"phase backward", "phase noise", "batch_size > 15"})
    breakpoints.list().emplace_back(BreakCondition(condition));
  QVERIFY(breakpoints.isActive());
  int stops = 0;
  while (session.stepsDone() < 12) stops += breakpoints.finishStep(session).has_value();
  QVERIFY(stops >= 24);
  QVERIFY(std::ranges::equal(session.trainer().parameters().flat(), plain.parameters().flat()));
  // None enabled: whole steps.
  for (Breakpoint& breakpoint : breakpoints.list()) breakpoint.isEnabled = false;
  QVERIFY(!breakpoints.isActive());
  QVERIFY(!breakpoints.finishStep(session));
  QVERIFY(session.record()->joined);
}

void TestBreakpoints::countsAndSkips() {
  RunSession session(smallExperiment(), smallData());
  Breakpoints breakpoints;
  breakpoints.list().emplace_back(BreakCondition("phase clip"));
  breakpoints.list().emplace_back(BreakCondition("every 2 and phase clip"));
  breakpoints.list()[0].skip = 4;
  std::optional<BreakHit> hit;
  while (!hit) hit = breakpoints.finishStep(session);
  QCOMPARE(hit->breakpoint, std::size_t{1});
  QCOMPARE(hit->step, Index{2});
  QCOMPARE(hit->hits, Index{1});
  breakpoints.list()[1].isEnabled = false;
  hit.reset();
  while (!hit) hit = breakpoints.finishStep(session);
  QCOMPARE(hit->breakpoint, std::size_t{0});
  QCOMPARE(hit->step, Index{5});
  QCOMPARE(breakpoints.list()[0].hits, Index{5});
  QCOMPARE(hit->why, std::string("phase Clip"));
}

void TestBreakpoints::examplesAndClasses() {
  Trainer plain(smallExperiment(), smallData());
  const Index wanted = plain.data().train[11];
  std::vector<std::pair<Index, Phase>> drawn;
  for (Index t = 1; t <= 30; ++t)
    if (std::ranges::binary_search(plain.finishStep()->sample->examples, wanted))
      drawn.emplace_back(t, Phase::Sample);
  QVERIFY(!drawn.empty());
  QCOMPARE(stopsOf("example " + std::to_string(wanted), 30), drawn);
  const auto byName = stopsOf("class b", 10), byNumber = stopsOf("class 1", 10);
  QCOMPARE(byName, byNumber);
  QCOMPARE(byName.size(), std::size_t{10});
  QVERIFY(stopsOf("class nobody", 10).empty());
}

void TestBreakpoints::whatIsNotFinite() {
  QVERIFY(stopsOf("nan", 10).empty());
  Experiment e = smallExperiment();
  RunSession session(e, smallData());
  auto record = std::make_shared<StepRecord>(*session.advanceTo(Phase::Clip));
  auto norms = std::make_shared<NormsPart>(*record->norms);
  norms->nonFinite = {1, 2};
  record->norms = norms;
  const auto why = BreakCondition("nan").holds(*record);
  QCOMPARE(*why, std::string("2 gradients are not finite"));
}

QTEST_GUILESS_MAIN(TestBreakpoints)
#include "test_breakpoints.moc"
