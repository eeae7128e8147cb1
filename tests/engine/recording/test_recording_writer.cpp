// SPDX-License-Identifier: GPL-3.0-or-later
#include <QProcess>
#include <QStandardPaths>
#include <QTest>
#include <cmath>
#include <fstream>

#include "engine/error.h"
#include "engine/recording/recording_lock.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "tests/support/files.h"
#include "tests/support/plain_sqlite.h"
#include "tests/support/recorded_run.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

std::string at(Index step, const std::string& column, const std::string& table = "steps") {
  return "SELECT " + column + " FROM " + table +
         " WHERE branch = 0 AND step = " + std::to_string(step);
}

}  // namespace

class TestRecordingWriter : public QObject {
  Q_OBJECT

 private slots:
  void everyStepIsThere();
  void oneFileAfterClose();
  void pythonReadsIt();
  void overwritesNothing();
  void oneWriterAtATime();
  void goesOnAfterClose();
  void savedWithinItsTime();
  void branchesComeAndGo();
  void anEvaluationMayComeLater();
  void movesAway();
  void discardLeavesNothing();
};

void TestRecordingWriter::everyStepIsThere() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  const auto records = steps(trainer, 7);
  for (const auto& record : records) writer.add(0, record);
  writer.close();
  QCOMPARE(writer.saved().step, Index{7});
  PlainSqlite file(path);
  QCOMPARE(file.number("SELECT count(*) FROM steps"), 7.0);
  QCOMPARE(file.number("PRAGMA user_version"), 3.0);
  QCOMPARE(file.number("PRAGMA application_id"), double{0x434c5053});
  for (const auto& r : records) {
    // Against the record itself, not through the table of columns.
    QCOMPARE(file.number(at(r->step, "loss")), r->forward->meanLoss);
    QCOMPARE(file.number(at(r->step, "signal")), r->clip->signal);
    QCOMPARE(file.number(at(r->step, "noise_realised")), r->noise->realised);
    QCOMPARE(file.number(at(r->step, "epsilon")), r->account->epsilon);
    QCOMPARE(file.number(at(r->step, "norm_q95")), r->norms->q95);
    QCOMPARE(file.number(at(r->step, "seconds_clip")), r->seconds[4]);
    const double accuracy = file.number(at(r->step, "test_accuracy"));
    QVERIFY(r->evaluation ? accuracy == r->evaluation->accuracy : std::isnan(accuracy));
    const auto norms = unpack<float>(file.bytes(at(r->step, "norms", "batches")));
    const auto factors = unpack<float>(file.bytes(at(r->step, "factors", "batches")));
    const auto examples = unpack<std::int32_t>(file.bytes(at(r->step, "examples", "batches")));
    const auto thresholds = unpack<double>(file.bytes(at(r->step, "thresholds", "details")));
    const auto tensors = r->info->tensors.size(), groups = r->clip->groups.size();
    QCOMPARE(norms.size(), examples.size() * tensors);
    QCOMPARE(factors.size(), examples.size() * groups);
    QCOMPARE(examples.size(), r->sample->examples.size());
    for (std::size_t i = 0; i < examples.size(); ++i) {
      const auto row = static_cast<Index>(i);
      QCOMPARE(Index{examples[i]}, r->sample->examples[i]);
      for (std::size_t t = 0; t < tensors; ++t)
        QCOMPARE(norms[i * tensors + t],
                 static_cast<float>(r->norms->norms.at(row, static_cast<Index>(t))));
      for (std::size_t k = 0; k < groups; ++k)
        QCOMPARE(factors[i * groups + k],
                 static_cast<float>(r->clip->factors.factor(row, static_cast<Index>(k))));
    }
    QCOMPARE(thresholds.size(), groups);
    for (std::size_t k = 0; k < groups; ++k) QCOMPARE(thresholds[k], r->clip->groups[k].threshold);
  }
  QCOMPARE(file.bytes("SELECT name FROM tensors WHERE tensor = 1"), infoOf(trainer).tensors[1]);
  QCOMPARE(file.number("SELECT count(*) FROM group_names"),
           static_cast<double>(records[0]->clip->groups.size()));
  QVERIFY(experimentFromJson(nlohmann::json::parse(
              file.bytes("SELECT experiment FROM settings"))) == recordedExperiment());
}

void TestRecordingWriter::oneFileAfterClose() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  writer.add(0, trainer.finishStep());
  writer.flush();
  QVERIFY(std::filesystem::exists(path.string() + "-wal"));
  QVERIFY(RecordingLock::isHeld(path));
  // What is saved can be read while the run goes on.
  QCOMPARE(PlainSqlite(path).number("SELECT max(step) FROM steps"), 1.0);
  writer.close();
  QCOMPARE(countFiles(folder.path()), 1);
  QVERIFY(!RecordingLock::isHeld(path));
}

void TestRecordingWriter::pythonReadsIt() {
  // The lines of recording_format.md, as they stand there.
  std::ifstream page(SOURCE_DIR "/engine/recording/recording_format.md");
  const std::string text((std::istreambuf_iterator<char>(page)), {});
  const auto from = text.find("```python\n"), to = text.find("```\n", from + 3);
  QVERIFY(from != std::string::npos && to != std::string::npos);
  const std::string lines = text.substr(from + 10, to - from - 10);
  const QString python = QStringLiteral("/usr/bin/python3");
  if (QProcess::execute(python, {"-c", "import numpy, sqlite3"}) != 0)
    QSKIP("no python3 with numpy here");
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment());
  const auto records = steps(trainer, 2);
  for (const auto& record : records) writer.add(0, record);
  writer.close();
  QProcess process;
  process.setWorkingDirectory(QString::fromStdString(folder.path().string()));
  process.start(python, {"-c", QString::fromStdString(
                                   lines + "print(step, *norms.shape, repr(float(norms[3, 1])))")});
  QVERIFY(process.waitForFinished(60000));
  QCOMPARE(process.readAllStandardError(), QByteArray());
  const QList<QByteArray> said = process.readAllStandardOutput().trimmed().split(' ');
  QCOMPARE(said.size(), 4);
  QCOMPARE(said[0], "2");
  QCOMPARE(said[1].toInt(), static_cast<int>(records[1]->batchSize()));
  QCOMPARE(said[2].toInt(), static_cast<int>(infoOf(trainer).tensors.size()));
  QCOMPARE(static_cast<float>(said[3].toDouble()),
           static_cast<float>(records[1]->norms->norms.at(3, 1)));
}

void TestRecordingWriter::overwritesNothing() {
  const Folder folder;
  const auto path = folder.write("mine", "precious");
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  const auto record = [&](const std::filesystem::path& to) {
    RecordingWriter(to, recordedMeta, infoOf(trainer), recordedExperiment());
  };
  QVERIFY_THROWS_EXCEPTION(FileError, record(path));
  QCOMPARE(readAll(path), "precious");
  QVERIFY_THROWS_EXCEPTION(FileError, record(folder / "no" / "folder.clipscope"));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment());
  QVERIFY_THROWS_EXCEPTION(FileError, writer.moveTo(path));
  QCOMPARE(readAll(path), "precious");
  QCOMPARE(writer.path(), folder / "run.clipscope");
}

void TestRecordingWriter::oneWriterAtATime() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  QVERIFY_THROWS_EXCEPTION(RecordingInUse, RecordingWriter::append(path));
  // The first one is none the worse.
  writer.add(0, trainer.finishStep());
  writer.close();
  auto second = RecordingWriter::append(path);
  QVERIFY_THROWS_EXCEPTION(RecordingInUse, RecordingWriter::append(path));
  QCOMPARE(second->saved().step, Index{1});
}

void TestRecordingWriter::goesOnAfterClose() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  const auto records = steps(trainer, 9);
  {
    RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
    for (int k = 0; k < 5; ++k) writer.add(0, records[k]);
    writer.close();
  }
  auto writer = RecordingWriter::append(path);
  for (int k = 5; k < 9; ++k) writer->add(0, records[k]);
  writer->close();
  const RecordingReader reader(path);
  QCOMPARE(reader.tree().at(0).steps, Index{9});
  for (const auto& r : records) QCOMPARE(reader.step(0, r->step)->clip->signal, r->clip->signal);
  QVERIFY_THROWS_EXCEPTION(FileError, RecordingWriter::append(folder / "none"));
  folder.write("text", std::string(5000, 'x'));
  QVERIFY_THROWS_EXCEPTION(FileError, RecordingWriter::append(folder / "text"));
  QCOMPARE(readAll(folder / "text"), std::string(5000, 'x'));
}

void TestRecordingWriter::savedWithinItsTime() {
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment());
  QCOMPARE(writer.saved().step, Index{0});
  writer.add(0, trainer.finishStep());
  // No one flushes. (A shared machine may take longer than the 100 ms that are meant.)
  QTRY_COMPARE_WITH_TIMEOUT(writer.saved().step, Index{1}, 5000);
}

void TestRecordingWriter::branchesComeAndGo() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  const auto records = steps(trainer, 6);
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  BranchTree tree(std::make_shared<Experiment>(recordedExperiment()));
  for (const auto& record : records) writer.add(0, record);
  tree.at(0).steps = 6;
  Experiment other = recordedExperiment();
  other.clipping.maxGradNorm = 0.25;
  const int side = tree.add(0, 3, std::make_shared<Experiment>(other), "smaller C");
  writer.addBranch(tree.at(side));
  for (int k = 3; k < 5; ++k) writer.add(side, records[k]);
  const int twig = tree.add(side, 4, std::make_shared<Experiment>(other));
  writer.addBranch(tree.at(twig));
  writer.add(twig, records[4]);
  writer.setActiveBranch(twig);
  writer.renameBranch(twig, "a twig");
  writer.flush();
  {
    const RecordingReader reader(path);
    QCOMPARE(reader.tree().branches().size(), std::size_t{3});
    QCOMPARE(reader.activeBranch(), twig);
    QCOMPARE(reader.tree().at(side).name, "smaller C");
    QCOMPARE(reader.tree().at(side).fork, Index{3});
    QCOMPARE(reader.tree().at(side).steps, Index{5});
    QCOMPARE(reader.tree().at(twig).name, "a twig");
    QCOMPARE(reader.tree().settingsOf(twig, 5)->clipping.maxGradNorm, 0.25);
    QCOMPARE(reader.tree().settingsOf(twig, 3)->clipping.maxGradNorm,
             recordedExperiment().clipping.maxGradNorm);
    QCOMPARE(reader.step(twig, 5)->step, Index{5});
    QCOMPARE(reader.step(twig, 2)->step, Index{2});
    QCOMPARE(reader.summaries(twig).size(), std::size_t{1});
    QVERIFY_THROWS_EXCEPTION(FileError, reader.step(twig, 6));
  }
  writer.setActiveBranch(0);
  writer.removeBranches(tree.withDescendants(side));
  writer.close();
  const RecordingReader reader(path);
  QCOMPARE(reader.tree().branches().size(), std::size_t{1});
  PlainSqlite file(path);
  for (const char* table : {"steps", "details", "batches", "settings", "group_names"})
    QCOMPARE(file.number(std::string("SELECT max(branch) FROM ") + table), 0.0);
}

void TestRecordingWriter::anEvaluationMayComeLater() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(path, recordedMeta, infoOf(trainer), recordedExperiment());
  writer.add(0, trainer.finishStep());
  const auto evaluated = trainer.evaluate();
  writer.flush();
  QVERIFY(!RecordingReader(path).step(0, 1)->evaluation);
  writer.addEvaluation(0, 1, *evaluated->evaluation);
  writer.close();
  const auto read = RecordingReader(path).step(0, 1);
  QVERIFY(read->evaluation);
  QCOMPARE(read->evaluation->accuracy, evaluated->evaluation->accuracy);
  QCOMPARE(read->evaluation->loss, evaluated->evaluation->loss);
  QCOMPARE(read->evaluation->examples, evaluated->evaluation->examples);
}

void TestRecordingWriter::movesAway() {
  const Folder folder, other;
  const auto from = folder / "run.clipscope", to = other / "kept.clipscope";
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  const auto records = steps(trainer, 6);
  RecordingWriter writer(from, recordedMeta, infoOf(trainer), recordedExperiment());
  for (int k = 0; k < 3; ++k) writer.add(0, records[k]);
  writer.moveTo(to);
  QCOMPARE(writer.path(), to);
  QVERIFY(RecordingLock::isHeld(to));
  QCOMPARE(countFiles(folder.path()), 0);
  for (int k = 3; k < 6; ++k) writer.add(0, records[k]);
  writer.close();
  QCOMPARE(countFiles(other.path()), 1);
  const RecordingReader reader(to);
  QCOMPARE(reader.summaries(0).size(), std::size_t{6});
  QCOMPARE(PlainSqlite(to).bytes("PRAGMA integrity_check"), "ok");
}

void TestRecordingWriter::discardLeavesNothing() {
  const Folder folder;
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  RecordingWriter writer(folder / "run.clipscope", recordedMeta, infoOf(trainer),
                         recordedExperiment());
  writer.add(0, trainer.finishStep());
  writer.discard();
  QCOMPARE(countFiles(folder.path()), 0);
}

QTEST_GUILESS_MAIN(TestRecordingWriter)
#include "test_recording_writer.moc"
