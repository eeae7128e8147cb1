// SPDX-License-Identifier: GPL-3.0-or-later
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/recording/recording_reader.h"
#include "engine/recording/recording_writer.h"
#include "tests/support/files.h"
#include "tests/support/plain_sqlite.h"
#include "tests/support/recorded_run.h"

using namespace clipscope;
using namespace clipscope::test;

namespace {

using Records = std::vector<std::shared_ptr<const StepRecord>>;

/// What `work` throws; "" for nothing.
template <class Work>
std::string said(Work&& work) {
  try {
    work();
  } catch (const FileError& error) {
    return error.what();
  }
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The recording at `path` holds these records and no others.
bool holds(const std::filesystem::path& path, const Records& records) {
  const RecordingReader reader(path);
  const auto summaries = reader.summaries(0);
  if (summaries.size() != records.size()) return false;
  for (std::size_t k = 0; k < records.size(); ++k)
    if (summaries[k].signal != records[k]->clip->signal ||
        reader.step(0, static_cast<Index>(k) + 1)->sample->examples != records[k]->sample->examples)
      return false;
  return PlainSqlite(path).bytes("PRAGMA integrity_check") == "ok";
}

}  // namespace

class TestRecordingFailures : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void killedAtAnyMoment();
  void noRoomForAWhile();
  void aFullDiskIsLeft();
  void madeReadOnly();
  void deleted();
  void replaced();

 private:
  std::unique_ptr<RecordingWriter> start(const std::filesystem::path& path) {
    return std::make_unique<RecordingWriter>(path, recordedMeta, *m_records[0]->info,
                                             recordedExperiment());
  }
  Records m_records;
};

void TestRecordingFailures::initTestCase() {
  Trainer trainer(recordedExperiment(), loadDataset(recordedExperiment().data));
  m_records = steps(trainer, 400);
}

void TestRecordingFailures::killedAtAnyMoment() {
  // A process of its own writes and reports what is saved; it is killed at some moment.
  const Folder folder;
  std::uint32_t seed = 5;
  Index most = 0;
  int tried = 0;
  for (int run = 0; run < 200; ++run) {
    const auto path = folder / "run.clipscope";
    int report[2];
    QCOMPARE(pipe(report), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(report[0]);
      const auto writer = start(path);
      Index told = 0;
      for (std::size_t k = 0;; ++k) {
        if (k < m_records.size()) writer->add(0, m_records[k]);
        const Index saved = writer->saved().step;
        if (saved != told && write(report[1], &saved, sizeof saved) == sizeof saved) told = saved;
        usleep(500);
      }
    }
    close(report[1]);
    seed = seed * 1664525 + 1013904223;
    usleep(5000 + seed % 200000);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    Index saved = 0, last = 0;
    while (read(report[0], &last, sizeof last) == sizeof last) saved = last;
    close(report[0]);
    if (saved > 0) {
      ++tried;
      most = std::max(most, saved);
      Index there = 0;
      {
        // Every step up to what was reported, whole, and none of those behind it in parts.
        const RecordingReader reader(path);
        there = reader.tree().at(0).steps;
        QVERIFY2(there >= saved, qPrintable(QString("%1 of %2").arg(there).arg(saved)));
        QVERIFY(!reader.isBeingWritten());
        QCOMPARE(reader.summaries(0).size(), static_cast<std::size_t>(there));
        QCOMPARE(reader.step(0, saved)->clip->signal,
                 m_records[static_cast<std::size_t>(saved - 1)]->clip->signal);
        reader.step(0, there);
      }
      if (run % 4 == 0) {
        auto again = RecordingWriter::append(path);
        QCOMPARE(again->saved().step, there);
        if (there < 400) again->add(0, m_records[static_cast<std::size_t>(there)]);
        again->close();
        const auto whole = static_cast<std::ptrdiff_t>(std::min<Index>(there + 1, 400));
        QVERIFY(holds(path, Records(m_records.begin(), m_records.begin() + whole)));
      }
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
      std::filesystem::remove(entry.path());
  }
  // Otherwise nothing was tried.
  QVERIFY2(tried > 60 && most > 60, qPrintable(QString("%1, %2").arg(tried).arg(most)));
}

void TestRecordingFailures::noRoomForAWhile() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  auto writer = start(path);
  writer->add(0, m_records[0]);
  writer->flush();
  // No file of this process may grow any more, and writing says so instead of killing.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before, none;
  getrlimit(RLIMIT_FSIZE, &before);
  none = before;
  none.rlim_cur = std::filesystem::file_size(path.string() + "-wal");
  setrlimit(RLIMIT_FSIZE, &none);
  std::size_t next = 1;
  const std::string full = said([&] {
    while (next < 300) {
      writer->add(0, m_records[next++]);
      usleep(2000);
    }
  });
  const std::string still = said([&] { writer->check(); });
  const std::string closing = said([&] { writer->close(); });
  const Index saved = writer->saved().step;
  const Index there = RecordingReader(path).tree().at(0).steps;
  setrlimit(RLIMIT_FSIZE, &before);
  QVERIFY2(contains(full, "run.clipscope") && contains(full, "through 1 are saved"), full.c_str());
  QVERIFY(!still.empty());
  QVERIFY(!closing.empty());
  QCOMPARE(saved, Index{1});
  QCOMPARE(there, Index{1});
  // There is room again: nothing was lost meanwhile, the step whose add() threw included.
  writer->check();
  QCOMPARE(writer->saved().step, static_cast<Index>(next));
  writer->add(0, m_records[next++]);
  writer->close();
  QVERIFY(holds(path,
                Records(m_records.begin(), m_records.begin() + static_cast<std::ptrdiff_t>(next))));
}

void TestRecordingFailures::aFullDiskIsLeft() {
  const Folder folder, roomy;
  const auto small = folder / "small";
  std::filesystem::create_directory(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=512k") != 0)
    QSKIP("mounting a small file system needs root");
  std::string full;
  std::size_t next = 0;
  {
    auto writer = start(small / "run.clipscope");
    full = said([&] {
      while (next < 300) {
        writer->add(0, m_records[next++]);
        usleep(1000);
      }
    });
    if (!full.empty()) {
      writer->moveTo(roomy / "run.clipscope");
      writer->add(0, m_records[next++]);
      writer->close();
    }
  }
  umount2(small.c_str(), MNT_DETACH);
  QVERIFY2(contains(full, "the disk is full"), full.c_str());
  QVERIFY(next > 10);
  QVERIFY(holds(roomy / "run.clipscope",
                Records(m_records.begin(), m_records.begin() + static_cast<std::ptrdiff_t>(next))));
}

void TestRecordingFailures::madeReadOnly() {
  const Folder folder, other;
  // Root may write everything.
  const bool root = geteuid() == 0;
  constexpr uid_t nobody = 65534;
  for (const Folder* of : {&folder, &other})
    if (root && chown(of->path().c_str(), nobody, nobody) != 0) QSKIP("cannot drop root");
  if (root && seteuid(nobody) != 0) QSKIP("cannot drop root");
  const auto path = folder / "run.clipscope";
  std::string why, again;
  {
    auto writer = start(path);
    writer->add(0, m_records[0]);
    writer->flush();
    chmod(path.c_str(), 0444);
    writer->add(0, m_records[1]);
    why = said([&] { writer->flush(); });
    again = said([&] { writer->add(0, m_records[2]); });
    chmod(path.c_str(), 0644);
    writer->check();
    chmod(path.c_str(), 0444);
    writer->add(0, m_records[3]);
    said([&] { writer->flush(); });
    writer->moveTo(other / "run.clipscope");
    writer->close();
  }
  const std::string appended = said([&] {
    auto copy = other / "run.clipscope";
    chmod(copy.c_str(), 0444);
    RecordingWriter::append(copy);
  });
  const bool held =
      holds(other / "run.clipscope", Records(m_records.begin(), m_records.begin() + 4));
  if (root) QCOMPARE(seteuid(0), 0);
  QVERIFY2(contains(why, "read-only") && contains(why, "through 1 are saved"), why.c_str());
  QVERIFY2(contains(again, "read-only"), again.c_str());
  QVERIFY(held);
  QVERIFY2(contains(appended, "read-only"), appended.c_str());
}

void TestRecordingFailures::deleted() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  auto writer = start(path);
  for (int k = 0; k < 3; ++k) writer->add(0, m_records[static_cast<std::size_t>(k)]);
  writer->flush();
  std::filesystem::remove(path);
  const std::string idle = said([&] { writer->check(); });
  QVERIFY2(contains(idle, "deleted") && contains(idle, "through 3 are saved"), idle.c_str());
  const std::string why = said([&] {
    writer->add(0, m_records[3]);
    writer->flush();
  });
  QVERIFY2(contains(why, "deleted"), why.c_str());
  QVERIFY(!said([&] { writer->check(); }).empty());
  writer->moveTo(folder / "saved.clipscope");
  writer->add(0, m_records[4]);
  writer->close();
  QVERIFY(holds(folder / "saved.clipscope", Records(m_records.begin(), m_records.begin() + 5)));
}

void TestRecordingFailures::replaced() {
  const Folder folder;
  const auto path = folder / "run.clipscope";
  auto writer = start(path);
  writer->add(0, m_records[0]);
  writer->flush();
  std::filesystem::rename(folder.write("other", "precious"), path);
  writer->add(0, m_records[1]);
  const std::string why = said([&] { writer->flush(); });
  QVERIFY2(contains(why, "another file"), why.c_str());
  writer->moveTo(folder / "saved.clipscope");
  writer->close();
  QCOMPARE(readAll(path), "precious");
  QVERIFY(holds(folder / "saved.clipscope", Records(m_records.begin(), m_records.begin() + 2)));
}

QTEST_GUILESS_MAIN(TestRecordingFailures)
#include "test_recording_failures.moc"
