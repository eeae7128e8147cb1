// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/recording/rank_merge.h"
#include "engine/recording/recording_info.h"
#include "engine/recording/recording_reader.h"
#include "tests/support/files.h"
#include "tests/support/library_recording.h"
#include "tests/support/stored_record.h"

using namespace clipscope;
using namespace clipscope::test;

/// Runs of another library: what their recordings have beside those of this engine.
class TestLibraryRecording : public QObject {
  Q_OBJECT

 private slots:
  void init();
  void saysWhereItTrains();
  void someOfTheExamples();
  void epsilonThatWasLeftOut();
  void earlierVersionsAreRead();
  void ranksAreOneRun();
  void ranksThatShareAnExample();
  void oneRankAlone();
  void aRankOfAnotherRun();
  void damageIsSaid();
  void followsItsNotes();
  void namesOfRanks();

 private:
  std::filesystem::path path(const char* name = "run.clipscope") {
    return std::filesystem::path(m_folder->path().toStdString()) / name;
  }
  void write(const std::filesystem::path& path) {
    RecordingWriter writer(path, recordedMeta, *m_records.front()->info, m_experiment);
    for (const auto& record : m_records) writer.add(0, record);
    writer.close();
  }

  std::unique_ptr<QTemporaryDir> m_folder;
  Experiment m_experiment;
  std::vector<std::shared_ptr<const StepRecord>> m_records;
};

void TestLibraryRecording::init() {
  m_folder = std::make_unique<QTemporaryDir>();
  m_experiment = recordedExperiment();
  m_experiment.run.evaluateEvery = 0;
  Trainer trainer(m_experiment, loadDataset(m_experiment.data));
  m_records = steps(trainer, 6);
}

void TestLibraryRecording::saysWhereItTrains() {
  write(path());
  QVERIFY(!RecordingReader(path()).info()->library);
  makeLibraryRun(path());
  const RecordingReader reader(path());
  const auto& library = reader.info()->library;
  QVERIFY(library);
  QCOMPARE(library->library, std::string("Opacus 1.4.0, PyTorch 1.13.1"));
  QCOMPARE(library->mode, std::string("per_layer"));
  QCOMPARE(library->optimizer, std::string("SGD"));
  QCOMPARE(library->ranks, Index{1});
  QVERIFY(library->examplesKnown);
  QVERIFY(std::isnan(library->reportedEpsilon));
  for (std::size_t k = 0; k < m_records.size(); ++k) {
    const auto record = reader.step(0, static_cast<Index>(k + 1));
    QCOMPARE(storedDifference(*m_records[k], *record), std::string());
    QVERIFY(record->library);
    QCOMPARE(record->library->physicalBatches, std::vector<Index>{12});
    QVERIFY(std::isnan(record->library->reducedSignal));
    QCOMPARE(record->drawn(), m_records[k]->batchSize());
  }
  QVERIFY(readRecordingInfo(path()).library);
}

void TestLibraryRecording::someOfTheExamples() {
  write(path());
  makeLibraryRun(path());
  const StepRecord& live = *m_records[2];
  const auto tensors = live.info->tensors.size(), groups = live.clip->groups.size();
  QVERIFY(live.batchSize() > 5);
  const auto cut = [](std::size_t values) { return std::to_string(values * 5 * 4); };
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("UPDATE batches SET examples = substr(examples, 1, " + cut(1) +
             "), labels = substr(labels, 1, " + cut(1) + "), losses = substr(losses, 1, " + cut(1) +
             "), predictions = substr(predictions, 1, " + cut(1) + "), norms = substr(norms, 1, " +
             cut(tensors) + "), factors = substr(factors, 1, " + cut(groups) + ") WHERE step = 3");
    file.run("UPDATE steps SET worst_example = -1 WHERE step = 3");
    file.run("DELETE FROM batches WHERE step = 4");
  }
  const RecordingReader reader(path());
  const auto some = reader.step(0, 3);
  QCOMPARE(some->batchSize(), Index{5});
  QCOMPARE(some->drawn(), live.batchSize());
  QVERIFY(std::equal(some->sample->examples.begin(), some->sample->examples.end(),
                     live.sample->examples.begin()));
  QCOMPARE(some->norms->norms.examples(), Index{5});
  QCOMPARE(some->norms->norms.at(4, 1),
           static_cast<double>(static_cast<float>(live.norms->norms.at(4, 1))));
  QCOMPARE(some->norms->q50, live.norms->q50);  // of the whole batch, as recorded
  const auto none = reader.step(0, 4);
  QCOMPARE(none->batchSize(), Index{0});
  QCOMPARE(none->drawn(), m_records[3]->batchSize());
  QCOMPARE(reader.summaries(0)[2].batchSize, live.batchSize());
}

void TestLibraryRecording::epsilonThatWasLeftOut() {
  write(path());
  makeLibraryRun(path());
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("UPDATE steps SET epsilon = NULL");
    file.run("INSERT INTO meta VALUES ('reported_epsilon', '1.25')");
  }
  // By the accountant of the same name: what the run itself had.
  for (const bool stepsFirst : {true, false}) {
    const RecordingReader reader(path());
    QCOMPARE(reader.info()->library->reportedEpsilon, 1.25);
    if (stepsFirst)
      for (std::size_t k = m_records.size(); k-- > 0;)
        QCOMPARE(reader.step(0, static_cast<Index>(k + 1))->account->epsilon,
                 m_records[k]->account->epsilon);
    const auto summaries = reader.summaries(0);
    for (std::size_t k = 0; k < m_records.size(); ++k) {
      QCOMPARE(summaries[k].epsilon, m_records[k]->account->epsilon);
      QVERIFY(std::isnan(summaries[k].epsilonNotValid));
    }
    QCOMPARE(reader.summaries(0, 4).size(), std::size_t{2});
    QCOMPARE(reader.summaries(0, 4)[1].epsilon, m_records[5]->account->epsilon);
  }
  // Where it does not hold it is said; without an accountant there is none.
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("UPDATE steps SET invalid_because = 'a test'");
  }
  QCOMPARE(RecordingReader(path()).summaries(0)[5].epsilonNotValid, m_records[5]->account->epsilon);
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("UPDATE steps SET accountant = ''");
  }
  QVERIFY(std::isnan(RecordingReader(path()).summaries(0)[5].epsilon));
  QVERIFY(std::isnan(RecordingReader(path()).step(0, 6)->account->epsilon));
}

void TestLibraryRecording::earlierVersionsAreRead() {
  write(path());
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("DROP TABLE library_steps");
    file.run("PRAGMA user_version = 2");
  }
  QCOMPARE(storedDifference(*m_records[1], *RecordingReader(path()).step(0, 2)), std::string());
  // What version 2 does not have must not be there.
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("CREATE TABLE library_steps (branch INTEGER)");
  }
  QVERIFY_EXCEPTION_THROWN(RecordingReader{path()}, FileError);
}

void TestLibraryRecording::ranksAreOneRun() {
  writeRanks(path(), m_records, m_experiment);
  // The name without a rank stands for all.
  for (const char* name : {"run.clipscope", "run.rank0.clipscope", "run.rank1.clipscope"}) {
    const RecordingReader reader(path(name));
    QCOMPARE(reader.info()->library->ranks, Index{2});
    QCOMPARE(reader.path(), path("run.rank0.clipscope"));
    QCOMPARE(reader.tree().at(0).steps, Index{6});
    const auto summaries = reader.summaries(0);
    for (std::size_t k = 0; k < m_records.size(); ++k) {
      const StepRecord& live = *m_records[k];
      const auto merged = reader.step(0, static_cast<Index>(k + 1));
      QCOMPARE(merged->sample->examples, live.sample->examples);
      QCOMPARE(merged->sample->labels, live.sample->labels);
      for (Index i = 0; i < live.batchSize(); ++i)
        QCOMPARE(merged->sample->ranks[static_cast<std::size_t>(i)], static_cast<int>(i % 2));
      QCOMPARE(merged->sample->expectedBatchSize, live.sample->expectedBatchSize);
      QVERIFY(std::abs(merged->forward->meanLoss - live.forward->meanLoss) < 1e-6);
      QCOMPARE(merged->norms->norms.examples(), live.norms->norms.examples());
      for (std::size_t v = 0; v < live.norms->norms.values().size(); ++v)
        QCOMPARE(merged->norms->norms.values()[v],
                 static_cast<double>(static_cast<float>(live.norms->norms.values()[v])));
      for (const auto& [a, b] :
           {std::pair{merged->norms->q05, live.norms->q05},
            {merged->norms->q50, live.norms->q50},
            {merged->norms->q95, live.norms->q95},
            {merged->norms->max, live.norms->max},
            {merged->clip->clippedFraction, live.clip->clippedFraction},
            {merged->clip->retainedNorm, live.clip->retainedNorm},
            {merged->clip->signal, live.clip->signal},
            {merged->noise->snr, live.noise->snr},
            {merged->clip->groups[0].clippedFraction, live.clip->groups[0].clippedFraction}})
        QVERIFY2(std::abs(a - b) <= 1e-5 * std::abs(b), qPrintable(QString::number(a - b)));
      QCOMPARE(merged->noise->realised, live.noise->realised);
      QCOMPARE(merged->account->epsilon, live.account->epsilon);
      QVERIFY(std::isnan(merged->clip->biasCosine));
      QCOMPARE(merged->library->ranks.size(), std::size_t{2});
      QCOMPARE(merged->library->ranks[0].examples + merged->library->ranks[1].examples,
               live.batchSize());
      QCOMPARE(merged->library->physicalBatches, (std::vector<Index>{12, 12}));
      QCOMPARE(summaries[k].batchSize, live.batchSize());
      QVERIFY(std::abs(summaries[k].q50 - live.norms->q50) <= 1e-6 * live.norms->q50);
    }
  }
}

void TestLibraryRecording::ranksThatShareAnExample() {
  writeRanks(path(), m_records, m_experiment);
  // Rank 1 has drawn what rank 0 has.
  const std::string first =
      PlainSqlite(path("run.rank0.clipscope")).bytes("SELECT examples FROM batches WHERE step = 1");
  std::string hex;
  for (const char c : first.substr(0, 4)) {
    char two[3];
    std::snprintf(two, sizeof two, "%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    hex += two;
  }
  {
    PlainSqlite file(path("run.rank1.clipscope"), SQLITE_OPEN_READWRITE);
    file.run("UPDATE batches SET examples = CAST(X'" + hex +
             "' || substr(examples, 5) AS BLOB) WHERE step = 1");
  }
  const auto merged = RecordingReader(path()).step(0, 1);
  // Rows are numbered through, rank by rank.
  for (Index i = 0; i < merged->batchSize(); ++i)
    QCOMPARE(merged->sample->examples[static_cast<std::size_t>(i)], i);
  QVERIFY(std::ranges::is_sorted(merged->sample->ranks));
}

void TestLibraryRecording::oneRankAlone() {
  writeRanks(path(), m_records, m_experiment);
  std::filesystem::remove(path("run.rank1.clipscope"));
  const RecordingReader reader(path("run.rank0.clipscope"));
  QCOMPARE(reader.info()->library->ranks, Index{1});
  QCOMPARE(reader.info()->library->notes,
           std::vector<std::string>{"run.rank1.clipscope is not here: rank 0 of 2 is shown alone"});
  QCOMPARE(reader.step(0, 1)->batchSize(), (m_records[0]->batchSize() + 1) / 2);
}

void TestLibraryRecording::aRankOfAnotherRun() {
  writeRanks(path(), m_records, m_experiment);
  std::filesystem::copy_file(path("run.rank0.clipscope"), path("run.rank1.clipscope"),
                             std::filesystem::copy_options::overwrite_existing);
  try {
    RecordingReader reader(path());
    QFAIL("two files of rank 0 are no run");
  } catch (const FileError& error) {
    QVERIFY(QString::fromUtf8(error.what()).contains(QStringLiteral("run.rank1.clipscope")));
    QVERIFY(QString::fromUtf8(error.what()).contains(QStringLiteral("not of the same run")));
  }
}

void TestLibraryRecording::damageIsSaid() {
  write(path());
  makeLibraryRun(path());
  const std::pair<const char*, const char*> edits[] = {
      {"UPDATE library_steps SET physical = X'0c00' WHERE step = 2", "another size"},
      {"UPDATE library_steps SET physical = X'ffffffff' WHERE step = 2", "physical batch of -1"},
      {"UPDATE library_steps SET physical = X'0c000000', reduced_tensor_signal = X'00' "
       "WHERE step = 2",
       "another size"},
      {"DELETE FROM library_steps WHERE step = 2", "is missing"},
      {"UPDATE batches SET examples = CAST(examples || zeroblob(400) AS BLOB) WHERE step = 2",
       "tables of"}};
  for (const auto& [edit, words] : edits) {
    {
      PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
      file.run(edit);
    }
    const RecordingReader reader(path());
    try {
      reader.step(0, 2);
      QFAIL(edit);
    } catch (const FileError& error) {
      QVERIFY2(QString::fromUtf8(error.what()).contains(QString::fromLatin1(words)), error.what());
    }
    QCOMPARE(storedDifference(*m_records[0], *reader.step(0, 1)), std::string());
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("INSERT OR REPLACE INTO library_steps VALUES (0, 2, X'0c000000', NULL, X'')");
  }
}

void TestLibraryRecording::followsItsNotes() {
  write(path());
  makeLibraryRun(path());
  RecordingReader reader(path());
  QVERIFY(reader.info()->library->notes.empty());
  {
    PlainSqlite file(path(), SQLITE_OPEN_READWRITE);
    file.run("UPDATE meta SET value = '[\"seen late\"]' WHERE key = 'notes'");
    file.run("UPDATE meta SET value = '0' WHERE key = 'examples_known'");
  }
  QVERIFY(reader.poll());
  QCOMPARE(reader.info()->library->notes, std::vector<std::string>{"seen late"});
  QVERIFY(!reader.info()->library->examplesKnown);
  QVERIFY(!reader.step(0, 1)->info->library->examplesKnown);
}

void TestLibraryRecording::namesOfRanks() {
  QCOMPARE(rankPath("a/run.rank0.clipscope", 3).value(),
           std::filesystem::path("a/run.rank3.clipscope"));
  QCOMPARE(rankPath("run.rank12.x.clipscope", 1).value(),
           std::filesystem::path("run.rank1.x.clipscope"));
  for (const char* none :
       {"run.clipscope", "run.rank.clipscope", "run.rank1", "run.rankA.clipscope"})
    QVERIFY2(!rankPath(none, 1), none);
}

QTEST_GUILESS_MAIN(TestLibraryRecording)
#include "test_library_recording.moc"
