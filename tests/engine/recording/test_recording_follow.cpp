// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QElapsedTimer>
#include <QTest>
#include <atomic>
#include <functional>
#include <thread>

#include "engine/error.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "tests/support/files.h"
#include "tests/support/recorded_run.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

using Records = std::vector<std::shared_ptr<const StepRecord>>;

/// A process that writes one step each time it is told to, and answers when it is saved.
class OtherProcess {
 public:
  OtherProcess(const std::filesystem::path& path, const Records& records) {
    if (pipe(m_order) != 0 || pipe(m_answer) != 0) qFatal("no pipe");
    m_child = fork();
    if (m_child != 0) {
      close(m_order[0]);
      close(m_answer[1]);
      answer();
      return;
    }
    close(m_order[1]);
    close(m_answer[0]);
    {
      RecordingWriter writer(path, recordedMeta, *records[0]->info, recordedExperiment());
      char order = 'o';
      for (std::size_t next = 0; order != 'q';) {
        if (order == 's') {
          writer.add(0, records[next++]);
          writer.flush();
        }
        if (write(m_answer[1], &order, 1) != 1 || read(m_order[0], &order, 1) != 1) break;
      }
      writer.close();
    }
    _exit(0);
  }
  ~OtherProcess() {
    if (m_child == 0) return;
    ::kill(m_child, SIGKILL);
    waitpid(m_child, nullptr, 0);
  }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  void step() {
    tell('s');
    answer();
  }
  void quit() {
    tell('q');
    waitpid(m_child, nullptr, 0);
    m_child = 0;
  }
  void kill() {
    ::kill(m_child, SIGKILL);
    waitpid(m_child, nullptr, 0);
    m_child = 0;
  }

 private:
  void tell(char order) {
    if (write(m_order[1], &order, 1) != 1) qFatal("the other process is gone");
  }
  void answer() {
    char said;
    if (read(m_answer[0], &said, 1) != 1) qFatal("the other process is gone");
  }
  int m_order[2], m_answer[2];
  pid_t m_child = 0;
};

}  // namespace

class TestRecordingFollow : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void seesEachCommit();
  void anotherProcessCannotWrite();
  void readsWhatAKilledOneLeft();
  void readsWhereItMayNotWrite();
  void aFileIsThereWholeOrNotYet();
  void aReaderNeverStopsTheWriter();

 private:
  Records m_records;
};

void TestRecordingFollow::initTestCase() {
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  m_records = steps(trainer, 100);
}

void TestRecordingFollow::seesEachCommit() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  OtherProcess writer(path, m_records);
  RecordingReader reader(path);
  QVERIFY(reader.isBeingWritten());
  QCOMPARE(reader.tree().at(0).steps, Index{0});
  for (Index step = 1; step <= 20; ++step) {
    // Nothing is seen before the next look.
    QVERIFY(!reader.poll());
    writer.step();
    QCOMPARE(reader.tree().at(0).steps, step - 1);
    QCOMPARE(reader.summaries(0).size(), static_cast<std::size_t>(step - 1));
    QElapsedTimer clock;
    clock.start();
    QVERIFY(reader.poll());
    QVERIFY(clock.elapsed() < 1000);
    QCOMPARE(reader.tree().at(0).steps, step);
    QCOMPARE(reader.summaries(0, step - 1).front().step, step);
    QCOMPARE(reader.step(0, step)->clip->signal,
             m_records[static_cast<std::size_t>(step - 1)]->clip->signal);
  }
  writer.quit();
  QVERIFY(!reader.isBeingWritten());
  QCOMPARE(reader.step(0, 20)->step, Index{20});
}

void TestRecordingFollow::anotherProcessCannotWrite() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  OtherProcess writer(path, m_records);
  QVERIFY_THROWS_EXCEPTION(RecordingInUse, RecordingWriter::append(path));
  writer.step();
  writer.kill();
  QCOMPARE(RecordingWriter::append(path)->saved().step, Index{1});
}

void TestRecordingFollow::readsWhatAKilledOneLeft() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  OtherProcess writer(path, m_records);
  for (int k = 0; k < 5; ++k) writer.step();
  writer.kill();
  QVERIFY(std::filesystem::exists(path.string() + "-wal"));
  const RecordingReader reader(path);
  QVERIFY(!reader.isBeingWritten());
  QCOMPARE(reader.summaries(0).size(), std::size_t{5});
  QVERIFY(reader.bytes() > static_cast<Index>(std::filesystem::file_size(path)));
}

void TestRecordingFollow::readsWhereItMayNotWrite() {
  // With the index of the log, without it, and without a log.
  for (const std::string kind : {"all", "no index", "no log"}) {
    const Folder folder;
    const auto path = folder / "run.clipscope";
    {
      OtherProcess writer(path, m_records);
      for (int k = 0; k < 5; ++k) writer.step();
      writer.kill();
    }
    if (kind == "no index") std::filesystem::remove(path.string() + "-shm");
    if (kind == "no log") {
      // Someone copied the file of a run that was going on, just after its log was moved into it.
      const auto writer = RecordingWriter::append(path);
      const RecordingReader reader(path);
      writer->close();
      const std::string bytes = readAll(path);
      for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
        std::filesystem::remove(entry.path());
      folder.write("run.clipscope", bytes);
      QCOMPARE(static_cast<int>(bytes[18]), 2);  // it still says that it has a log
    }
    chmod(folder.path().c_str(), 0555);
    const bool root = geteuid() == 0;
    if (root && seteuid(65534) != 0) QSKIP("cannot drop root");
    std::size_t read = 0;
    std::string why;
    try {
      read = RecordingReader(path).summaries(0).size();
    } catch (const FileError& error) {
      why = error.what();
    }
    if (root) QCOMPARE(seteuid(0), 0);
    chmod(folder.path().c_str(), 0755);
    if (kind == "no index") {
      QVERIFY2(why.find("copy run.clipscope and run.clipscope-wal") != std::string::npos,
               why.c_str());
    } else {
      QVERIFY2(why.empty(), (kind + ": " + why).c_str());
      QCOMPARE(read, std::size_t{5});
    }
  }
}

void TestRecordingFollow::aFileIsThereWholeOrNotYet() {
  const Folder folder;
  constexpr int files = 150;
  std::atomic<int> written = 0;
  std::string wrong;
  int opened = 0, early = 0;
  std::thread looker([&] {
    for (int k = 0; k < files; ++k) {
      const auto path = folder / ("run" + std::to_string(k) + ".clipscope");
      while (wrong.empty()) {
        const bool complete = written > k;
        std::error_code missing;
        if (!std::filesystem::exists(path, missing)) continue;
        try {
          const RecordingReader reader(path);
          if (reader.meta().empty()) wrong = "no branch";
          ++opened;
          break;
        } catch (const FileError& error) {
          const std::string why = error.what();
          ++early;
          if (complete || why.find("holds nothing yet") == std::string::npos) wrong = why;
        }
      }
    }
  });
  for (int k = 0; k < files; ++k) {
    RecordingWriter writer(folder / ("run" + std::to_string(k) + ".clipscope"), recordedMeta,
                           *m_records[0]->info, recordedExperiment());
    ++written;
    writer.close();
  }
  looker.join();
  QVERIFY2(wrong.empty(), wrong.c_str());
  QCOMPARE(opened, files);
  qInfo("opened %d times, %d times before the file was described", opened, early);
}

void TestRecordingFollow::aReaderNeverStopsTheWriter() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  RecordingWriter writer(path, recordedMeta, *m_records[0]->info, recordedExperiment());
  writer.add(0, m_records[0]);
  writer.flush();
  RecordingReader reader(path);
  QCOMPARE(reader.summaries(0).size(), std::size_t{1});
  for (std::size_t k = 1; k < m_records.size(); ++k) {
    writer.add(0, m_records[k]);
    if (k % 10 == 0) reader.poll();
  }
  QElapsedTimer clock;
  clock.start();
  writer.close();
  QVERIFY2(clock.elapsed() < 5000, qPrintable(QString::number(clock.elapsed())));
  // All of it is in the file, whatever becomes of the log.
  QVERIFY(reader.poll());
  QCOMPARE(reader.summaries(0).size(), m_records.size());
  const Folder other;
  std::filesystem::copy_file(path, other / "copy.clipscope");
  QCOMPARE(RecordingReader(other / "copy.clipscope").summaries(0).size(), m_records.size());
}

QTEST_GUILESS_MAIN(TestRecordingFollow)
#include "test_recording_follow.moc"
