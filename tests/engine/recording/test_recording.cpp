// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QProcess>
#include <QStandardPaths>
#include <QTest>
#include <cmath>
#include <fstream>
#include <thread>

#include "engine/error.h"
#include "engine/recording/recording_info.h"
#include "engine/recording/recording_writer.h"
#include "engine/recording/step_columns.h"
#include "engine/training/trainer.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

Experiment small() {
  Experiment e;
  e.data.digits.count = 200;
  e.model.preset = "logistic";
  e.sampling.expectedBatchSize = 12;
  e.clipping.grouping = GroupingKind::PerParameter;
  e.run.evaluateEvery = 3;
  e.run.threads = 1;
  return e;
}

const std::map<std::string, std::string> meta{{"program", "test"}, {"data_name", "digits"}};

/// A plain connection, with nothing of the product's.
class Connection {
 public:
  explicit Connection(const std::filesystem::path& path) {
    if (sqlite3_open_v2(path.c_str(), &m_handle, SQLITE_OPEN_READONLY, nullptr) != SQLITE_OK)
      qFatal("cannot open %s", path.c_str());
  }
  ~Connection() { sqlite3_close(m_handle); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// One value as a number (NaN for NULL), as text or as bytes.
  double number(const std::string& sql) {
    double value = std::nan("");
    query(sql, [&](sqlite3_stmt* row) {
      if (sqlite3_column_type(row, 0) != SQLITE_NULL) value = sqlite3_column_double(row, 0);
    });
    return value;
  }
  std::string bytes(const std::string& sql) {
    std::string value;
    query(sql, [&](sqlite3_stmt* row) {
      value.assign(static_cast<const char*>(sqlite3_column_blob(row, 0)),
                   static_cast<std::size_t>(sqlite3_column_bytes(row, 0)));
    });
    return value;
  }

 private:
  template <class Read>
  void query(const std::string& sql, Read&& read) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(m_handle, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK)
      qFatal("%s: %s", sql.c_str(), sqlite3_errmsg(m_handle));
    if (sqlite3_step(statement) == SQLITE_ROW) read(statement);
    sqlite3_finalize(statement);
  }
  sqlite3* m_handle = nullptr;
};

template <class T>
std::vector<T> unpack(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

std::string at(Index step, const std::string& column) {
  return "SELECT " + column + " FROM steps WHERE step = " + std::to_string(step);
}

}  // namespace

class TestRecording : public QObject {
  Q_OBJECT

 private slots:
  void everyStepIsThere();
  void oneFileAfterClose();
  void pythonReadsIt();
  void infoOfIt();
  void refusesWhatIsNoRecording();
  void overwritesNothing();
  void killedAtAnyMoment();
  void fullDisk();
};

void TestRecording::everyStepIsThere() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(small(), loadDataset(small().data));
  RecordingWriter writer(path, meta, *trainer.record()->info, small());
  std::vector<std::shared_ptr<const StepRecord>> records;
  for (int k = 0; k < 7; ++k) {
    auto record = trainer.finishStep();
    if (trainer.evaluationDue()) record = trainer.evaluate();
    records.push_back(record);
    writer.add(record);
  }
  writer.close();
  QCOMPARE(writer.savedThrough(), Index{7});
  Connection file(path);
  QCOMPARE(file.number("SELECT count(*) FROM steps"), 7.0);
  QCOMPARE(file.number("PRAGMA user_version"), 1.0);
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
    const auto norms = unpack<float>(file.bytes(at(r->step, "norms")));
    const auto factors = unpack<float>(file.bytes(at(r->step, "factors")));
    const auto examples = unpack<std::int32_t>(file.bytes(at(r->step, "examples")));
    const auto thresholds = unpack<double>(file.bytes(at(r->step, "thresholds")));
    const auto tensors = r->info->tensors.size(), groups = r->clip->groups.size();
    QCOMPARE(norms.size(), examples.size() * tensors);
    QCOMPARE(factors.size(), examples.size() * groups);
    QCOMPARE(examples.size(), r->sample->examples.size());
    for (std::size_t i = 0; i < examples.size(); ++i) {
      QCOMPARE(Index{examples[i]}, r->sample->examples[i]);
      for (std::size_t t = 0; t < tensors; ++t)
        QCOMPARE(norms[i * tensors + t], static_cast<float>(r->norms->norms.at(
                                             static_cast<Index>(i), static_cast<Index>(t))));
      for (std::size_t k = 0; k < groups; ++k)
        QCOMPARE(factors[i * groups + k], static_cast<float>(r->clip->factors.factor(
                                              static_cast<Index>(i), static_cast<Index>(k))));
    }
    for (std::size_t k = 0; k < groups; ++k) QCOMPARE(thresholds[k], r->clip->groups[k].threshold);
  }
  QCOMPARE(file.bytes("SELECT name FROM tensors WHERE tensor = 1"),
           trainer.record()->info->tensors[1]);
  QCOMPARE(file.number("SELECT count(*) FROM group_names"),
           static_cast<double>(records[0]->clip->groups.size()));
  QVERIFY(experimentFromJson(
              nlohmann::json::parse(file.bytes("SELECT experiment FROM settings"))) == small());
}

void TestRecording::oneFileAfterClose() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(small(), loadDataset(small().data));
  RecordingWriter writer(path, meta, *trainer.record()->info, small());
  writer.add(trainer.finishStep());
  QTRY_COMPARE_WITH_TIMEOUT(writer.savedThrough(), Index{1}, 10000);
  QVERIFY(std::filesystem::exists(path.string() + "-wal"));
  QVERIFY(readRecordingInfo(path).open);
  // What is saved can be read while the run goes on.
  QCOMPARE(Connection(path).number("SELECT max(step) FROM steps"), 1.0);
  writer.close();
  QVERIFY(!std::filesystem::exists(path.string() + "-wal"));
  QVERIFY(!std::filesystem::exists(path.string() + "-shm"));
  QVERIFY(!readRecordingInfo(path).open);
}

void TestRecording::pythonReadsIt() {
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
  Trainer trainer(small(), loadDataset(small().data));
  RecordingWriter writer(folder / "run.clipscope", meta, *trainer.record()->info, small());
  auto record = trainer.finishStep();
  writer.add(record);
  record = trainer.finishStep();
  writer.add(record);
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
  QCOMPARE(said[1].toInt(), static_cast<int>(record->batchSize()));
  QCOMPARE(said[2].toInt(), static_cast<int>(record->info->tensors.size()));
  QCOMPARE(static_cast<float>(said[3].toDouble()),
           static_cast<float>(record->norms->norms.at(3, 1)));
}

void TestRecording::infoOfIt() {
  const Folder folder;
  Trainer trainer(small(), loadDataset(small().data));
  RecordingWriter writer(folder / "run.clipscope", meta, *trainer.record()->info, small());
  std::shared_ptr<const StepRecord> record;
  double accuracy = notANumber;
  for (int k = 0; k < 4; ++k) {
    record = trainer.finishStep();
    if (trainer.evaluationDue()) record = trainer.evaluate();
    if (record->evaluation) accuracy = record->evaluation->accuracy;
    writer.add(record);
  }
  writer.close();
  const RecordingInfo info = readRecordingInfo(folder / "run.clipscope");
  QVERIFY(info.experiment == small());
  QCOMPARE(info.steps, Index{4});
  QCOMPARE(info.tensors, static_cast<Index>(record->info->tensors.size()));
  QCOMPARE(info.epsilon, record->account->epsilon);
  QCOMPARE(info.loss, record->forward->meanLoss);
  QVERIFY(!std::isnan(accuracy));
  QCOMPARE(info.testAccuracy, accuracy);
  QCOMPARE(info.meta.at("data_name"), "digits");
}

void TestRecording::refusesWhatIsNoRecording() {
  const Folder folder;
  const auto said = [](const std::filesystem::path& path) -> std::string {
    try {
      readRecordingInfo(path);
    } catch (const FileError& error) {
      return error.what();
    }
    return "nothing";
  };
  QVERIFY(said(folder / "none").find("there is no such file") != std::string::npos);
  std::ofstream(folder / "text.clipscope") << std::string(5000, 'x');
  QVERIFY(said(folder / "text.clipscope").find("cannot be read as a recording") !=
          std::string::npos);
  std::ofstream(folder / "empty.clipscope");
  QVERIFY(said(folder / "empty.clipscope").find("not a recording") != std::string::npos);
  // Cut off anywhere, it is an error or a shorter recording, never a crash.
  Trainer trainer(small(), loadDataset(small().data));
  RecordingWriter writer(folder / "run.clipscope", meta, *trainer.record()->info, small());
  for (int k = 0; k < 5; ++k) writer.add(trainer.finishStep());
  writer.close();
  const std::string whole = readAll(folder / "run.clipscope");
  int refused = 0;
  for (std::size_t size = 0; size < whole.size(); size += 1024) {
    std::ofstream(folder / "cut.clipscope", std::ios::binary) << whole.substr(0, size);
    refused += said(folder / "cut.clipscope") != "nothing";
  }
  QVERIFY(refused > 3);
  // Of another version.
  std::string newer = whole;
  newer[63] = 9;  // the last byte of user_version in the header
  std::ofstream(folder / "newer.clipscope", std::ios::binary) << newer;
  QVERIFY(said(folder / "newer.clipscope").find("version 9") != std::string::npos);
}

void TestRecording::overwritesNothing() {
  const Folder folder;
  const auto path = folder / "mine";
  std::ofstream(path) << "precious";
  Trainer trainer(small(), loadDataset(small().data));
  QVERIFY_THROWS_EXCEPTION(FileError,
                           RecordingWriter(path, meta, *trainer.record()->info, small()));
  QCOMPARE(readAll(path), "precious");
  QVERIFY_THROWS_EXCEPTION(FileError, RecordingWriter(folder / "no" / "folder.clipscope", meta,
                                                      *trainer.record()->info, small()));
}

void TestRecording::killedAtAnyMoment() {
  const Folder folder;
  Trainer trainer(small(), loadDataset(small().data));
  std::vector<std::shared_ptr<const StepRecord>> records;
  for (int k = 0; k < 60; ++k) records.push_back(trainer.finishStep());
  // A process of its own writes and reports what is saved; it is killed at some moment.
  std::uint32_t seed = 5;
  Index most = 0;
  for (int run = 0; run < 40; ++run) {
    const auto path = folder / ("run" + std::to_string(run) + ".clipscope");
    int report[2];
    QCOMPARE(pipe(report), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(report[0]);
      RecordingWriter writer(path, meta, *records[0]->info, small());
      Index told = 0;
      for (std::size_t k = 0;; ++k) {
        if (k < records.size()) writer.add(records[k]);
        const Index saved = writer.savedThrough();
        if (saved != told && write(report[1], &saved, sizeof saved) == sizeof saved) told = saved;
        usleep(2000);
      }
    }
    close(report[1]);
    seed = seed * 1664525 + 1013904223;
    usleep(10000 + seed % 250000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Index saved = 0, last = 0;
    while (read(report[0], &last, sizeof last) == sizeof last) saved = last;
    close(report[0]);
    if (saved == 0) continue;
    most = std::max(most, saved);
    Connection file(path);
    // Every step up to "saved through", whole, and no gap beyond it.
    const double count = file.number("SELECT count(*) FROM steps");
    QVERIFY2(count >= static_cast<double>(saved),
             qPrintable(QString("%1 of %2").arg(count).arg(saved)));
    QCOMPARE(file.number("SELECT max(step) FROM steps"), count);
    const StepRecord& r = *records[static_cast<std::size_t>(saved - 1)];
    QCOMPARE(file.number(at(saved, "loss")), r.forward->meanLoss);
    QCOMPARE(unpack<float>(file.bytes(at(saved, "norms"))).size(), r.norms->norms.values().size());
    QCOMPARE(file.bytes("PRAGMA integrity_check"), "ok");
    QVERIFY(readRecordingInfo(path).open);
  }
  QVERIFY(most > 20);  // otherwise nothing was tried
}

void TestRecording::fullDisk() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  Trainer trainer(small(), loadDataset(small().data));
  RecordingWriter writer(path, meta, *trainer.record()->info, small());
  writer.add(trainer.finishStep());
  QTRY_COMPARE_WITH_TIMEOUT(writer.savedThrough(), Index{1}, 10000);
  // No file of this process may grow any more, and writing says so instead of killing.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, none;
  getrlimit(RLIMIT_FSIZE, &before);
  none = before;
  none.rlim_cur = std::filesystem::file_size(path.string() + "-wal");
  setrlimit(RLIMIT_FSIZE, &none);
  std::string said;
  try {
    for (int k = 0; k < 400 && said.empty(); ++k) {
      writer.add(trainer.finishStep());
      usleep(2000);
    }
    writer.close();
  } catch (const FileError& error) {
    said = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  QVERIFY2(said.find("run.clipscope") != std::string::npos &&
               said.find("are saved") != std::string::npos,
           said.c_str());
  const Index saved = writer.savedThrough();
  QVERIFY(saved >= 1);
  QVERIFY(Connection(path).number("SELECT count(*) FROM steps") >= static_cast<double>(saved));
}

QTEST_GUILESS_MAIN(TestRecording)
#include "test_recording.moc"
