// SPDX-License-Identifier: GPL-3.0-or-later
#include <SQLiteCpp/SQLiteCpp.h>

#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/interchange/recorded_run.h"
#include "engine/session/recording_view.h"
#include "engine/session/run_session.h"
#include "engine/training/what_if/batch_gram.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Runs in secure mode: fresh, recorded without examples, looked at and not repeated.
class TestSecureRun : public QObject {
  Q_OBJECT

 private slots:
  void everyRunIsAnother();
  void drawsAsManyAsItShould();
  void noiseOfItsScale();
  void whatIfHasItsNoise();
  void shufflesAfresh();
  void itsPastIsRecorded();
  void withoutARecordingItHasNoPast();
  void phasesAreTheSameStep();
  void nothingRecordedTellsWhoWasDrawn();
  void isNotResumed();
  void aSwitchNeedsARestart();

 private:
  static Experiment secure() {
    Experiment e = smallExperiment();
    e.run.secureMode = true;
    return e;
  }
  static std::filesystem::path fileIn(const QTemporaryDir& folder) {
    return folder.filePath(QStringLiteral("secure.clipscope")).toStdString();
  }
  static std::string messageOf(auto&& body) {
    try {
      body();
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
};

void TestSecureRun::everyRunIsAnother() {
  Trainer a(secure(), smallData()), b(secure(), smallData());
  QVERIFY(std::ranges::equal(a.parameters().flat(), b.parameters().flat()));
  // 90 candidates at q 0.19: two runs draw the same with probability (q² + (1 − q)²)⁹⁰ < 1e-14.
  const auto first = a.finishStep(), second = b.finishStep();
  QVERIFY(first->sample->examples != second->sample->examples);
  QVERIFY(first->noise->realised != second->noise->realised);
  QVERIFY(!first->account->simulated);
  // A step after it, and the same run started anew.
  QVERIFY(a.finishStep()->noise->realised != first->noise->realised);
  a.reset();
  QVERIFY(a.finishStep()->sample->examples != first->sample->examples);
  Experiment seeded = secure();
  seeded.run.secureMode = false;
  Trainer c(seeded, smallData());
  QVERIFY(c.finishStep()->account->simulated);
}

void TestSecureRun::drawsAsManyAsItShould() {
  Experiment e = secure();
  e.model.spec = nlohmann::json::parse(R"({"layers": [{"type": "linear", "out": 3}]})");
  Trainer trainer(e, smallData());
  const auto n = static_cast<double>(trainer.data().train.size());
  constexpr int steps = 2000;
  double total = 0;
  std::vector<int> drawn(static_cast<std::size_t>(trainer.data().data->size()));
  for (int t = 0; t < steps; ++t) {
    const auto record = trainer.advanceTo(Phase::Sample);
    total += static_cast<double>(record->batchSize());
    for (const Index i : record->sample->examples) ++drawn[static_cast<std::size_t>(i)];
    trainer.finishStep();
  }
  // Six standard deviations of the total, and seven of each example's: 2e-9 and 90 · 3e-12.
  const double q = 17 / n;
  QVERIFY(std::abs(total - 17 * steps) < 6 * std::sqrt(steps * n * q * (1 - q)));
  for (const Index i : trainer.data().train)
    QVERIFY(std::abs(drawn[static_cast<std::size_t>(i)] - q * steps) <
            7 * std::sqrt(steps * q * (1 - q)));
}

void TestSecureRun::noiseOfItsScale() {
  Trainer trainer(secure(), smallData());
  double squares = 0, expected = 0;
  constexpr int steps = 100;
  for (int t = 0; t < steps; ++t) {
    const auto record = trainer.finishStep();
    squares += record->noise->realised * record->noise->realised;
    expected += record->noise->expected * record->noise->expected;
  }
  // Σz²/s² is χ² of steps·d: six standard deviations, 2e-9.
  const double count = steps * static_cast<double>(trainer.model().table().dimension());
  QVERIFY(std::abs(squares / expected - 1) < 6 * std::sqrt(2 / count));
}

void TestSecureRun::whatIfHasItsNoise() {
  for (const Phase last : {Phase::Noise, Phase::Account}) {
    Trainer trainer(secure(), smallData());
    const auto record = trainer.advanceTo(last);
    const auto probe = trainer.probe();
    double squares = 0;
    for (Index t = 0; t < trainer.model().table().trainableCount(); ++t) {
      std::vector<float> z(
          static_cast<std::size_t>(trainer.model().table().trainableInfo(t).size()));
      probe->fillNoise(t, z);
      double own = 0;
      for (const float value : z) own += static_cast<double>(value) * static_cast<double>(value);
      squares += own * std::pow(record->noise->tensorStd[static_cast<std::size_t>(t)], 2);
    }
    QVERIFY(std::abs(std::sqrt(squares) / record->noise->realised - 1) < 1e-5);
    // The next step has another key; this batch keeps its own.
    std::vector<float> before(20), after(20);
    probe->fillNoise(0, before);
    trainer.finishStep();
    trainer.advanceTo(Phase::Sample);
    probe->fillNoise(0, after);
    QCOMPARE(before, after);
    trainer.probe()->fillNoise(0, after);
    QVERIFY(before != after);
  }
}

void TestSecureRun::shufflesAfresh() {
  Experiment e = secure();
  e.sampling.scheme = SamplingScheme::Shuffled;
  Trainer a(e, smallData()), b(e, smallData());
  const std::size_t batches = a.data().train.size() / 17;
  std::vector<Index> epoch;
  bool isAnother = false;
  for (std::size_t k = 0; k < batches; ++k) {
    const auto record = a.finishStep();
    isAnother = isAnother || record->sample->examples != b.finishStep()->sample->examples;
    epoch.insert(epoch.end(), record->sample->examples.begin(), record->sample->examples.end());
  }
  QVERIFY(isAnother);
  // Every example once at most, within an epoch.
  std::ranges::sort(epoch);
  QVERIFY(std::ranges::adjacent_find(epoch) == epoch.end());
  QCOMPARE(epoch.size(), batches * 17);
}

void TestSecureRun::itsPastIsRecorded() {
  const QTemporaryDir folder;
  RunSession session(secure(), smallData());
  startRecording(session, fileIn(folder), "test");
  std::vector<double> losses;
  for (int t = 0; t < 6; ++t) losses.push_back(session.finishStep()->forward->meanLoss);
  const auto newest = session.record();
  for (const Index step : {3, 1, 5}) {
    const auto shown = session.goTo(step, Phase::Account);
    QCOMPARE(shown->step, step);
    QCOMPARE(static_cast<float>(shown->forward->meanLoss),
             static_cast<float>(losses[static_cast<std::size_t>(step - 1)]));
    QVERIFY(!shown->account->simulated);
    QVERIFY(session.probe() == nullptr);
    QVERIFY(!session.evaluationDue() && !session.refreshDue());
    QVERIFY_THROWS_EXCEPTION(SettingError, session.evaluate());
  }
  for (const Phase phase : {Phase::Sample, Phase::Clip, Phase::Update})
    QVERIFY(messageOf([&] { session.goTo(4, phase); }).find("secure mode") != std::string::npos);
  QVERIFY(messageOf([&] { session.goTo(0, Phase::Account); }).find("secure mode") !=
          std::string::npos);
  QCOMPARE(session.record()->step, Index{5});
  QCOMPARE(session.stepBack()->step, Index{4});
  // Forward through what is known, to the newest itself and beyond it.
  QCOMPARE(session.finishStep()->step, Index{5});
  QCOMPARE(session.finishStep(), newest);
  QVERIFY(session.probe() != nullptr);
  QCOMPARE(session.finishStep()->step, Index{7});
  // A change of settings goes on from the newest step, on the same branch.
  session.goTo(2, Phase::Account);
  Experiment changed = session.experiment();
  changed.clipping.maxGradNorm = 0.25;
  session.apply(changed);
  while (session.position().knownSteps < 8) session.finishStep();
  QCOMPARE(session.tree().branches().size(), std::size_t{1});
  QCOMPARE(session.record()->clip->maxGradNorm, 0.25);
}

void TestSecureRun::withoutARecordingItHasNoPast() {
  RunSession session(secure(), smallData());
  for (int t = 0; t < 3; ++t) session.finishStep();
  const auto newest = session.record();
  QVERIFY(messageOf([&] { session.goTo(2, Phase::Account); }).find("kept nowhere") !=
          std::string::npos);
  QVERIFY(messageOf([&] { session.stepBack(); }).find("kept nowhere") != std::string::npos);
  QVERIFY(messageOf([&] { session.phaseBack(); }).find("kept nowhere") != std::string::npos);
  QCOMPARE(session.record(), newest);
  QCOMPARE(session.goTo(3, Phase::Account), newest);
  session.reset();
  QCOMPARE(session.finishStep()->step, Index{1});
}

void TestSecureRun::phasesAreTheSameStep() {
  // Cut into phases a step keeps its key: the batch of Sample is the one that is clipped.
  RunSession session(secure(), smallData());
  session.finishStep();
  const auto sample = session.advanceTo(Phase::Sample)->sample;
  for (const Phase phase : {Phase::Forward, Phase::Norms, Phase::Clip, Phase::Noise, Phase::Update})
    QCOMPARE(session.advanceTo(phase)->sample, sample);
  QVERIFY(messageOf([&] { session.phaseBack(); }).find("secure mode") != std::string::npos);
  QCOMPARE(session.finishStep()->step, Index{2});
}

void TestSecureRun::nothingRecordedTellsWhoWasDrawn() {
  const QTemporaryDir folder;
  {
    RunSession session(secure(), smallData());
    startRecording(session, fileIn(folder), "test");
    for (int t = 0; t < 5; ++t) session.finishStep();
    session.closeRecording();
  }
  SQLite::Database file(fileIn(folder).string());
  for (const char* table : {"batches", "checkpoints"}) {
    SQLite::Statement count(file, std::string("SELECT count(*) FROM ") + table);
    QVERIFY(count.executeStep());
    QCOMPARE(count.getColumn(0).getInt(), 0);
  }
  RecordingView view(fileIn(folder));
  QCOMPARE(view.position().step, Index{5});
  QVERIFY(view.experiment().run.secureMode);
  QCOMPARE(view.record()->norms->norms.examples(), Index{0});
  view.goTo(0, 2);
  QVERIFY(view.record()->noise->realised > 0);
}

void TestSecureRun::isNotResumed() {
  const QTemporaryDir folder;
  {
    RunSession session(secure(), smallData());
    startRecording(session, fileIn(folder), "test");
    session.finishStep();
    session.closeRecording();
  }
  const RecordingReader recording(fileIn(folder));
  const std::string message = messageOf(
      [&] { RunSession session(recording, recording.tree().settingsOf(0, 1)->data, smallData()); });
  QVERIFY2(message.find("not gone on with") != std::string::npos, message.c_str());
}

void TestSecureRun::aSwitchNeedsARestart() {
  Trainer trainer(smallExperiment(), smallData());
  trainer.finishStep();
  QVERIFY_THROWS_EXCEPTION(SettingError, trainer.apply(secure()));
  Experiment read = experimentFromJson(toJson(secure()));
  QVERIFY(read.run.secureMode);
  QVERIFY(needsRestart(read, smallExperiment()));
}

QTEST_GUILESS_MAIN(TestSecureRun)
#include "test_secure_run.moc"
