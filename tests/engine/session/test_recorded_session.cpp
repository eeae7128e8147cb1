// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <random>

#include "engine/error.h"
#include "engine/session/recording_view.h"
#include "tests/support/straight_run.h"

using namespace clipscope;
using namespace clipscope::test;

/// A session with its recording: closed, opened and gone on with at any place, it is to the bit the
/// run that was never interrupted.
class TestRecordedSession : public QObject {
  Q_OBJECT

 private slots:
  void init();
  void resumesToTheBit_data();
  void resumesToTheBit();
  void aThousandJumps();
  void branchesComeBack();
  void aChangeBeforeTheFirstStep();
  void showsWhatWasRecorded();
  void otherDataAreRefused();
  void failureKeepsTheStep();
  void viewFollows();

 private:
  std::filesystem::path file() const { return m_folder->filePath("run.clipscope").toStdString(); }
  std::unique_ptr<QTemporaryDir> m_folder;
};

namespace {

constexpr Index small = Index{1} << 14;  // a budget of checkpoints that has to be thinned

void startRecording(RunSession& session, const Setup& s, const std::filesystem::path& path,
                    Index budget = small) {
  session.record(std::make_unique<RecordingWriter>(
                     path,
                     std::map<std::string, std::string>{
                         {"data_fingerprint", s.data.data->fingerprint()},
                         {"dimension", std::to_string(session.model().table().dimension())},
                         {"train_examples", std::to_string(s.data.train.size())},
                         {"test_examples", std::to_string(s.data.test.size())}},
                     *session.record()->info, session.experiment()),
                 budget);
}

std::unique_ptr<RunSession> reopen(const Setup& s, const std::filesystem::path& path,
                                   PastSettings past = {}) {
  auto writer = RecordingWriter::append(path);
  const RecordingReader recording(path);
  auto session = std::make_unique<RunSession>(recording, s.experiment.data, s.data, past);
  session->resume(std::move(writer), recording, small);
  return session;
}

/// Nothing of the past in memory but its first step.
constexpr PastSettings forgetful{.checkpointEvery = Index{1} << 40,
                                 .byteBudget = 0,
                                 .maxCheckpoints = 1,
                                 .drawsBudget = Index{1} << 20};

void advance(RunSession& session, Setup& s, Index steps) {
  Experiment experiment = session.experiment();
  while (session.stepsDone() < steps) {
    if (const auto change = s.changes.find(session.stepsDone()); change != s.changes.end()) {
      change->second(experiment);
      session.apply(experiment);
    }
    session.finishStep();
    if (session.evaluationDue()) session.evaluate();
  }
}

}  // namespace

void TestRecordedSession::init() { m_folder = std::make_unique<QTemporaryDir>(); }

void TestRecordedSession::resumesToTheBit_data() {
  QTest::addColumn<int>("every");
  for (const char* name : {"rows, momentum", "rows, changes", "rows, empty batches",
                           "images, grouped median", "images, momentum", "rows, automatic"})
    QTest::newRow(name) << 7;
  QTest::newRow("rows") << 1;
}

void TestRecordedSession::resumesToTheBit() {
  QFETCH(int, every);
  Setup s = setup(QTest::currentDataTag());
  const Straight straight(s);
  {
    RunSession session(s.experiment, s.data);
    startRecording(session, s, file());
    advance(session, s, 1);
    session.closeRecording();
  }
  for (Index done = 1; done < runSteps;) {
    const auto session = reopen(s, file(), forgetful);
    QCOMPARE(session->record()->step, done);
    QCOMPARE(session->position().knownSteps, done);
    QVERIFY(!session->evaluationDue());
    done = std::min<Index>(done + every, runSteps);
    advance(*session, s, done);
    QCOMPARE(differenceFrom(straight, *session), std::string());
    // Every other time it ends as a program that was killed does: without a word.
    if (done % 2 == 0) session->closeRecording();
  }
  // The whole past, from the file.
  const auto session = reopen(s, file(), forgetful);
  RunHistory history;
  session->takeNews().addTo(history);
  QCOMPARE(history.steps(), runSteps);
  for (Index step = 1; step <= runSteps; ++step) {
    const StepSummary wanted = summaryOf(*straight.records.at({step, Phase::Account}));
    QVERIFY(sameBits(history.at(step).loss, wanted.loss));
    QVERIFY(sameBits(history.at(step).epsilon, wanted.epsilon));
    QVERIFY(sameBits(history.at(step).testAccuracy, wanted.testAccuracy));
    session->goTo(step, Phase::Account);
    QCOMPARE(differenceFrom(straight, *session), std::string());
  }
}

void TestRecordedSession::aThousandJumps() {
  // 400 steps in a file whose checkpoints are thinned, memory that keeps none: every jump starts
  // from the file.
  Setup s = setup("rows, changes");
  constexpr Index steps = 400;
  s.experiment.run.evaluateEvery = 0;
  const Straight straight(s, steps);
  {
    RunSession session(s.experiment, s.data);
    startRecording(session, s, file());
    advance(session, s, steps);
    session.closeRecording();
  }
  const auto session = reopen(s, file(), forgetful);
  std::mt19937 random(7);
  for (int jump = 0; jump < 1000; ++jump) {
    const auto step = 1 + static_cast<Index>(random() % steps);
    session->goTo(step, static_cast<Phase>(random() % phaseCount));
    const std::string difference = differenceFrom(straight, *session);
    QVERIFY2(difference.empty(), (difference + " differs at step " + std::to_string(step)).c_str());
  }
  QVERIFY(RecordingReader(file()).checkpoints().size() > 3);
}

void TestRecordedSession::branchesComeBack() {
  Setup base = setup("rows, momentum"), other = base;
  other.changes[8] = [](Experiment& e) { e.clipping.maxGradNorm = 0.2; };
  const Straight straight(base), branched(other);
  {
    RunSession session(base.experiment, base.data);
    startRecording(session, base, file());
    advance(session, base, 20);
    session.goTo(8, Phase::Account);
    advance(session, other, 16);
    session.renameBranch(1, "C 0.2");
    QCOMPARE(differenceFrom(branched, session), std::string());
    session.closeRecording();
  }
  {
    const auto session = reopen(base, file(), forgetful);
    QCOMPARE(session->branch(), 1);
    QCOMPARE(session->record()->step, Index{16});
    QCOMPARE(session->tree().at(1).name, std::string("C 0.2"));
    QCOMPARE(session->tree().at(1).fork, Index{8});
    QCOMPARE(session->tree().at(0).steps, Index{20});
    for (const Index step : {3, 12, 16, 9, 8}) {
      session->goTo(1, step, Phase::Clip);
      QCOMPARE(differenceFrom(branched, *session), std::string());
      session->goTo(0, step, Phase::Update);
      QCOMPARE(differenceFrom(straight, *session), std::string());
    }
    session->goTo(0, 20, Phase::Account);
    Setup none = base;
    advance(*session, none, 25);
    QCOMPARE(differenceFrom(straight, *session), std::string());
    session->pruneBranch(1);
    session->closeRecording();
  }
  const RecordingReader recording(file());
  QCOMPARE(recording.tree().branches().size(), std::size_t{1});
  QCOMPARE(recording.tree().at(0).steps, Index{25});
  QCOMPARE(recording.activeBranch(), 0);
  for (const auto& place : recording.checkpoints()) QCOMPARE(place.branch, 0);
}

void TestRecordedSession::aChangeBeforeTheFirstStep() {
  // A shuffled order remembers that the scheme changed, even before anything was drawn.
  Setup s = setup("rows");
  s.experiment.sampling.scheme = SamplingScheme::Fixed;
  s.changes[0] = [](Experiment& e) { e.sampling.scheme = SamplingScheme::Shuffled; };
  const Straight straight(s, 12);
  {
    RunSession session(s.experiment, s.data);
    startRecording(session, s, file());
    advance(session, s, 5);
    session.closeRecording();
  }
  const auto session = reopen(s, file(), forgetful);
  for (const Index step : {1, 5, 3}) {
    session->goTo(step, Phase::Account);
    QCOMPARE(differenceFrom(straight, *session), std::string());
  }
  session->goTo(5, Phase::Account);
  advance(*session, s, 12);
  QCOMPARE(differenceFrom(straight, *session), std::string());
}

void TestRecordedSession::showsWhatWasRecorded() {
  Setup s = setup("images, grouped median");
  const Straight straight(s);
  RunSession session(s.experiment, s.data, forgetful);
  startRecording(session, s, file());
  advance(session, s, runSteps);
  for (const Index step : {12, 1, 30, 7}) {
    const auto shown = session.show(0, step);
    const StepRecord& exact = *straight.records.at({step, Phase::Account});
    QCOMPARE(shown->step, step);
    QCOMPARE(shown->sample->examples, exact.sample->examples);
    QVERIFY(sameBits(shown->clip->signal, exact.clip->signal));
    for (Index i = 0; i < shown->batchSize(); ++i) {
      const double norm = exact.norms->global[static_cast<std::size_t>(i)];
      QVERIFY(std::abs(shown->norms->global[static_cast<std::size_t>(i)] - norm) <= 1e-6 * norm);
    }
    // What is asked of the batch replays the step, which then is exact.
    const auto probe = session.probe();
    QCOMPARE(probe->examples().size(), exact.sample->examples.size());
    QCOMPARE(differenceFrom(straight, session), std::string());
  }
  session.show(0, 20);
  session.finishStep();
  QCOMPARE(session.record()->step, Index{21});
  QCOMPARE(differenceFrom(straight, session), std::string());
}

void TestRecordedSession::otherDataAreRefused() {
  Setup s = setup("rows");
  {
    RunSession session(s.experiment, s.data);
    startRecording(session, s, file());
    advance(session, s, 2);
    session.closeRecording();
  }
  const RecordingReader recording(file());
  try {
    RunSession session(recording, s.experiment.data, smallData(120, 7, 4));
    QFAIL("other data were taken");
  } catch (const FileError& error) {
    QVERIFY(std::string(error.what()).find("other data") != std::string::npos);
  }
}

void TestRecordedSession::failureKeepsTheStep() {
  Setup s = setup("rows");
  const Straight straight(s);
  RunSession session(s.experiment, s.data);
  startRecording(session, s, file());
  advance(session, s, 4);
  session.flushRecording();
  std::filesystem::remove(file());
  // The file is gone: within the steps that a commit takes the run stands.
  Index at = 0;
  try {
    advance(session, s, 20);
    session.flushRecording();
    advance(session, s, runSteps);
    QFAIL("nobody noticed");
  } catch (const FileError& error) {
    at = session.stepsDone();
    QVERIFY(!std::string(error.what()).empty());
  }
  // An evaluation that was due is made and kept as well.
  if (session.evaluationDue()) QVERIFY_THROWS_EXCEPTION(RecordingFailed, session.evaluate());
  QCOMPARE(differenceFrom(straight, session), std::string());
  QVERIFY_THROWS_EXCEPTION(RecordingFailed, session.finishStep());
  QCOMPARE(session.stepsDone(), at);
  // Another place, and everything is there.
  const auto other = m_folder->filePath("other.clipscope").toStdString();
  session.moveRecording(other);
  advance(session, s, runSteps);
  session.closeRecording();
  const RecordingReader recording(other);
  QCOMPARE(recording.tree().at(0).steps, runSteps);
  const auto summaries = recording.summaries(0);
  for (Index step = 1; step <= runSteps; ++step)
    QVERIFY(sameBits(summaries[static_cast<std::size_t>(step - 1)].loss,
                     straight.records.at({step, Phase::Account})->forward->meanLoss));
}

void TestRecordedSession::viewFollows() {
  Setup s = setup("rows, momentum");
  RunSession session(s.experiment, s.data);
  startRecording(session, s, file());
  advance(session, s, 6);
  session.flushRecording();
  RecordingView view(file());
  RunHistory history;
  view.takeNews().addTo(history);
  QCOMPARE(view.position().step, Index{6});
  QVERIFY(view.recording().isBeingWritten());
  QVERIFY(!view.poll());
  advance(session, s, 9);
  session.flushRecording();
  QVERIFY(view.poll());
  QCOMPARE(view.position().step, Index{9});  // from the end it goes along
  view.goTo(0, 4);
  QCOMPARE(view.record()->step, Index{4});
  advance(session, s, 11);
  session.goTo(5, Phase::Account);
  Setup other = s;
  other.changes[5] = [](Experiment& e) { e.clipping.maxGradNorm = 0.1; };
  advance(session, other, 8);
  session.flushRecording();
  QVERIFY(view.poll());
  QCOMPARE(view.position().step, Index{4});  // from elsewhere it stays
  const RunNews news = view.takeNews();
  news.addTo(history);
  QCOMPARE(history.steps(), Index{11});
  QVERIFY(news.branches);
  QCOMPARE(news.branches->size(), std::size_t{2});
  view.goTo(1, 8);
  view.takeNews().addTo(history);
  QCOMPARE(history.steps(), Index{8});
  QCOMPARE(history.at(6).maxGradNorm, 0.1);
  QVERIFY_THROWS_EXCEPTION(SettingError, view.goTo(0, 12));
  QVERIFY_THROWS_EXCEPTION(SettingError, view.goTo(3, 1));
  QCOMPARE(view.record()->step, Index{8});
  session.closeRecording();
  view.poll();
  QVERIFY(!view.recording().isBeingWritten());
}

QTEST_APPLESS_MAIN(TestRecordedSession)
#include "test_recorded_session.moc"
