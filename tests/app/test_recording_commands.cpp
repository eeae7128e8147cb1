// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/formats/csv.h"
#include "tests/app/program.h"

using namespace clipscope;
using namespace clipscope::test;

/// `diff` and `export`: what a recording is asked without a window.
class TestRecordingCommands : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void equalRunsHaveNoDifference();
  void theFirstDifferenceIsNamed_data();
  void theFirstDifferenceIsNamed();
  void diffRefusesWhatItCannotRead();
  void exportsTheTablesOfTheRun();
  void exportRefusals();

 private:
  /// Records eight steps into `name`.clipscope, the tables into the folder `name`.
  void record(const QString& name, const QStringList& more) {
    const Result r = call(quick(QStringList{"--steps", "8", "--evaluate-every", "4", "--out", name,
                                            "--record", name + ".clipscope"} +
                                more),
                          m_folder);
    QVERIFY2(r.code == 0, qPrintable(r.err));
  }

  Folder m_folder;
};

void TestRecordingCommands::initTestCase() { record("base", {}); }

void TestRecordingCommands::equalRunsHaveNoDifference() {
  record("again", {});
  Result r = call({"diff", "base.clipscope", "again.clipscope"}, m_folder);
  QVERIFY2(r.code == 0, qPrintable(r.out + r.err));
  QVERIFY(r.out.contains("No difference in 8 steps"));
  // Nor has one that was gone on with.
  const QStringList first{"--steps", "3"};
  QCOMPARE(call(quick(QStringList{"--evaluate-every", "4", "--out", "part", "--record",
                                  "part.clipscope"} +
                      first),
                m_folder)
               .code,
           0);
  QCOMPARE(
      call({"run", "--resume", "part.clipscope", "--steps", "8", "--out", "rest", "--no-plots"},
           m_folder)
          .code,
      0);
  r = call({"diff", "base.clipscope", "part.clipscope"}, m_folder);
  QVERIFY2(r.code == 0, qPrintable(r.out + r.err));
}

void TestRecordingCommands::theFirstDifferenceIsNamed_data() {
  QTest::addColumn<QStringList>("options");
  QTest::addColumn<QString>("said");
  QTest::newRow("seed") << QStringList{"--seed", "2"} << "Step 1: run.seed\n";
  QTest::newRow("threshold") << QStringList{"--max-grad-norm", "0.5"}
                             << "Step 1: clipping.max_grad_norm\n";
  QTest::newRow("steps") << QStringList{"--steps", "5"} << "Step 6: steps\n";
  QTest::newRow("data") << QStringList{"--data-seed", "9"} << "Before step 1: data_fingerprint\n";
  QTest::newRow("model") << QStringList{"--model", "mlp"} << "Before step 1: tensors\n";
}

void TestRecordingCommands::theFirstDifferenceIsNamed() {
  QFETCH(QStringList, options);
  QFETCH(QString, said);
  const QString name = QString::fromLatin1(QTest::currentDataTag());
  QStringList arguments =
      quick({"--evaluate-every", "4", "--out", name, "--record", name + ".clipscope"});
  if (!options.contains("--steps")) arguments += {"--steps", "8"};
  if (options.contains("--model")) arguments.remove(1, 2);
  QCOMPARE(call(arguments + options, m_folder).code, 0);
  const Result r = call({"diff", "base.clipscope", name + ".clipscope"}, m_folder);
  QCOMPARE(r.code, 1);
  QVERIFY2(r.out.startsWith(said), qPrintable(r.out));
  QVERIFY(r.out.contains("base.clipscope: ") && r.out.contains(name + ".clipscope: "));
}

void TestRecordingCommands::diffRefusesWhatItCannotRead() {
  for (const QString& file : {QString("nowhere.clipscope"), QString("base/steps.csv")}) {
    const Result r = call({"diff", "base.clipscope", file}, m_folder);
    QCOMPARE(r.code, 2);
    QVERIFY2(r.err.contains(file) && r.err.count('\n') == 1, qPrintable(r.err));
  }
}

void TestRecordingCommands::exportsTheTablesOfTheRun() {
  const Result r = call({"export", "base.clipscope", "--out", "exported"}, m_folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY(r.out.contains("8 steps (not private)"));
  for (const char* name : {"steps.csv", "examples.csv", "layers.csv", "example_layers.csv"}) {
    const auto live = readCsv(m_folder / "base" / name),
               read = readCsv(m_folder / "exported" / name);
    QCOMPARE(read.header, live.header);
    QCOMPARE(read.rows.size(), live.rows.size());
    // Norms and factors have the file's float32; the others come back as they were.
    for (std::size_t row = 0; row < live.rows.size(); ++row)
      for (std::size_t column = 0; column < live.header.size(); ++column) {
        const std::string &wanted = live.rows[row][column], &got = read.rows[row][column];
        if (wanted == got) continue;
        const double x = std::stod(wanted), y = std::stod(got);
        QVERIFY2(
            std::abs(x - y) <= 1e-6 * std::abs(x),
            (std::string(name) + " " + live.header[column] + ": " + wanted + " " + got).c_str());
      }
  }
  for (const char* name : {"experiment.json", "manifest.json"})
    QVERIFY(std::filesystem::exists(m_folder / "exported" / name));
  QCOMPARE(readAll(m_folder / "exported/experiment.json"),
           readAll(m_folder / "base/experiment.json"));
}

void TestRecordingCommands::exportRefusals() {
  Result r = call({"export", "base.clipscope", "--out", "x", "--branch", "other"}, m_folder);
  QVERIFY2(r.code == 2 && r.err.contains("--branch") && r.err.contains("main"), qPrintable(r.err));
  r = call({"export", "nowhere.clipscope", "--out", "x"}, m_folder);
  QCOMPARE(r.code, 2);
  QVERIFY(!std::filesystem::exists(m_folder / "x"));
  m_folder.write("file", "text");
  r = call({"export", "base.clipscope", "--out", "file"}, m_folder);
  QVERIFY2(r.code == 1 && r.err.contains("file"), qPrintable(r.err));
}

QTEST_APPLESS_MAIN(TestRecordingCommands)
#include "test_recording_commands.moc"
