// SPDX-License-Identifier: GPL-3.0-or-later
#include <QRegularExpression>
#include <QTest>
#include <csignal>

#include "engine/error.h"
#include "engine/formats/csv.h"
#include "engine/recording/recording_reader.h"
#include "tests/app/program.h"
#include "tests/support/same_record.h"

using namespace clipscope;
using namespace clipscope::test;

/// `run --resume`: a run that was interrupted, or killed, and gone on with is to the bit one that
/// was not.
class TestResume : public QObject {
  Q_OBJECT

 private slots:
  void goesOnToTheBit();
  void afterAKill();
  void dataThatMoved();
  void refusals();
};

namespace {

const QStringList momentum{"--momentum", "0.9", "--evaluate-every", "3"};

/// "" where the recordings hold the same steps and end with the same parameters, to the bit.
std::string difference(const std::filesystem::path& a, const std::filesystem::path& b) {
  const RecordingReader x(a), y(b);
  const Index steps = x.tree().at(0).steps;
  if (steps != y.tree().at(0).steps) return "number of steps";
  for (Index step = 1; step <= steps; ++step)
    if (const std::string found = differenceOf(*x.step(0, step), *y.step(0, step)); !found.empty())
      return found + " of step " + std::to_string(step);
  const SavedCheckpoint p = x.checkpoint(0, steps), q = y.checkpoint(0, steps);
  if (!std::ranges::equal(p.parameters, q.parameters)) return "parameters";
  for (std::size_t k = 0; k < p.optimizer.buffers.size(); ++k)
    if (!std::ranges::equal(p.optimizer.buffers[k], q.optimizer.buffers[k])) return "momentum";
  return {};
}

/// Steps in a recording that is being written; 0 while it is being made.
Index stepsIn(const std::filesystem::path& path) {
  try {
    return RecordingReader(path).tree().at(0).steps;
  } catch (const FileError&) {
    return 0;
  }
}

}  // namespace

void TestResume::goesOnToTheBit() {
  const Folder folder;
  QCOMPARE(call(quick(momentum +
                      QStringList{"--steps", "15", "--out", "a", "--record", "whole.clipscope"}),
                folder)
               .code,
           0);
  QCOMPARE(call(quick(momentum +
                      QStringList{"--steps", "6", "--out", "b", "--record", "parts.clipscope"}),
                folder)
               .code,
           0);
  Result r = call(
      {"run", "--resume", "parts.clipscope", "--steps", "9", "--out", "c", "--no-plots"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY(r.out.contains("3 steps after step 6"));
  QCOMPARE(readCsv(folder / "c/steps.csv").rows.size(), std::size_t{3});
  r = call({"run", "--resume", "parts.clipscope", "--steps", "15", "--out", "d", "--no-plots"},
           folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QCOMPARE(difference(folder / "whole.clipscope", folder / "parts.clipscope"), std::string());
  QVERIFY(!std::filesystem::exists(folder / "parts.clipscope-wal"));
  // The rows of the steps made now are those of the whole run.
  const auto whole = readCsv(folder / "a/steps.csv").rows,
             part = readCsv(folder / "d/steps.csv").rows;
  QCOMPARE(part.size(), std::size_t{6});
  for (std::size_t k = 0; k < part.size(); ++k) QVERIFY(part[k] == whole[9 + k]);
}

void TestResume::afterAKill() {
  const Folder folder;
  QProcess process;
  process.setProcessEnvironment(withoutDisplay());
  process.setWorkingDirectory(QString::fromStdString(folder.path().string()));
  process.start(QStringLiteral(CLIPSCOPE_PROGRAM),
                quick(momentum + QStringList{"--steps", "1000000", "--out", "a", "--record",
                                             "killed.clipscope"}));
  QTRY_VERIFY_WITH_TIMEOUT(stepsIn(folder / "killed.clipscope") > 20, 60000);
  ::kill(static_cast<pid_t>(process.processId()), SIGKILL);
  process.waitForFinished();
  const Index steps = stepsIn(folder / "killed.clipscope");
  const QString last = QString::number(steps + 7);
  Result r = call(
      {"run", "--resume", "killed.clipscope", "--steps", last, "--out", "b", "--no-plots"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  r = call(
      quick(momentum + QStringList{"--steps", last, "--out", "c", "--record", "whole.clipscope"}),
      folder);
  QCOMPARE(r.code, 0);
  const std::string found = difference(folder / "whole.clipscope", folder / "killed.clipscope");
  QVERIFY2(found.empty(), found.c_str());
}

void TestResume::dataThatMoved() {
  const Folder folder;
  std::string table = "a,b,label\n";
  for (int row = 0; row < 60; ++row)
    table += std::to_string(row % 7) + "," + std::to_string(row % 5) + (row % 2 ? ",x\n" : ",y\n");
  folder.write("old.csv", table);
  const QStringList run{"run",        "--data",           "old.csv", "--batch-size", "10",
                        "--no-plots", "--evaluate-every", "1",       "--steps"};
  QCOMPARE(call(run + QStringList{"3", "--out", "a", "--record", "run.clipscope"}, folder).code, 0);
  QCOMPARE(call(run + QStringList{"6", "--out", "b", "--record", "whole.clipscope"}, folder).code,
           0);
  std::filesystem::rename(folder / "old.csv", folder / "new.csv");
  const QStringList resume{"run",   "--resume", "run.clipscope", "--steps", "6",
                           "--out", "c",        "--no-plots"};
  Result r = call(resume, folder);
  QVERIFY(r.code != 0 && r.err.contains("old.csv"));
  folder.write("other.csv", table + "1,1,x\n");
  r = call(resume + QStringList{"--data", "other.csv"}, folder);
  QVERIFY2(r.code != 0 && r.err.contains("other data"), qPrintable(r.err));
  r = call(resume + QStringList{"--data", "new.csv"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QCOMPARE(difference(folder / "whole.clipscope", folder / "run.clipscope"), std::string());
}

void TestResume::refusals() {
  const Folder folder;
  QCOMPARE(call(quick({"--steps", "3", "--out", "a", "--record", "run.clipscope"}), folder).code,
           0);
  const std::string before = readAll(folder / "run.clipscope");
  const QStringList resume{"run", "--resume", "run.clipscope", "--out", "b"};
  const std::pair<QStringList, const char*> cases[] = {
      {{}, "--steps"},
      {{"--steps", "2"}, "has step 3 already"},
      {{"--steps", "5", "--seed", "3"}, "--seed"},
      {{"--steps", "5", "--record", "other.clipscope"}, "--record"},
      {{"--steps", "5", "--set", "run.steps=9"}, "--set"}};
  for (const auto& [more, wanted] : cases) {
    const Result r = call(resume + more, folder);
    QCOMPARE(r.code, 2);
    QVERIFY2(r.err.contains(wanted) && r.err.count('\n') == 1, qPrintable(r.err));
  }
  Result r = call({"run", "--resume", "nowhere.clipscope"}, folder);
  QVERIFY(r.code != 0 && r.err.contains("nowhere.clipscope"));
  r = call({"run", "--resume", "a/steps.csv"}, folder);
  QVERIFY(r.code != 0 && r.err.contains("a/steps.csv"));
  r = call(quick({"--segment-steps", "2", "--out", "b"}), folder);
  QVERIFY(r.code == 2 && r.err.contains("--record"));
  QVERIFY(!std::filesystem::exists(folder / "b"));
  QVERIFY(readAll(folder / "run.clipscope") == before);
}

QTEST_APPLESS_MAIN(TestResume)
#include "test_resume.moc"
