// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/interchange/trace_file.h"

#include <QTemporaryDir>
#include <QTest>
#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// The trace is what a viewer can open, and its times add up.
class TestTraceFile : public QObject {
  Q_OBJECT

 private slots:
  void aRunAddsUp_data();
  void aRunAddsUp();
  void knownTimesAreWritten();
  void nothingWithoutCommit();

 private:
  static json read(const QString& path) {
    std::ifstream file(path.toStdString());
    return json::parse(file);
  }
  /// Whole nanoseconds of a number of µs: sums must be exact, not nearly so.
  static std::int64_t nanoseconds(const json& number) {
    return std::llround(number.get<double>() * 1000);
  }
};

void TestTraceFile::aRunAddsUp_data() {
  QTest::addColumn<bool>("byPhase");
  QTest::addRow("whole steps") << false;
  QTest::addRow("phase by phase") << true;
}

void TestTraceFile::aRunAddsUp() {
  QFETCH(bool, byPhase);
  const QTemporaryDir folder;
  const QString path = folder.filePath(QStringLiteral("trace.json"));
  Trainer trainer(residualExperiment(), smallImages());
  TraceFile trace(path.toStdString());
  for (int k = 1; k <= 3; ++k) {
    if (byPhase)
      for (const Phase phase : allPhases) trainer.advanceTo(phase);
    else
      trainer.finishStep();
    trace.addStep(*trainer.record(), k);
    trace.addTask("evaluation", 0.25, k + 0.5);
  }
  trace.commit();

  const auto& names = trainer.record()->info->modelLayers;
  std::int64_t free = 0, stepEnd = 0, phaseStart = 0, phaseEnd = 0, layerEnd = 0, phases = 0;
  int steps = 0, tasks = 0;
  std::map<std::string, int> layers;
  const json read = TestTraceFile::read(path);
  for (const json& event : read.at("traceEvents")) {
    QVERIFY(event.at("pid") == 1);
    if (event.at("ph") == "M") continue;
    QVERIFY(event.at("ph") == "X");
    const auto kind = event.at("cat").get<std::string>();
    const std::int64_t start = nanoseconds(event.at("ts")), length = nanoseconds(event.at("dur"));
    QVERIFY(start >= 0 && length >= 0);
    if (kind == "step") {
      QVERIFY(start >= free);
      phaseEnd = start;
      stepEnd = free = start + length;
      phases = 0;
      ++steps;
      QVERIFY(event.at("args").at("joined") == !byPhase);
    } else if (kind == "task") {
      QVERIFY(start >= free);
      free = start + length;
      QCOMPARE(length, std::int64_t{250'000'000});
      ++tasks;
    } else if (kind == "phase") {
      QVERIFY(event.at("tid") == 1);
      QCOMPARE(start, phaseEnd);  // behind the one before, or at the step's beginning
      phaseStart = layerEnd = start;
      phaseEnd = start + length;
      if (++phases == phaseCount) QCOMPARE(phaseEnd, stepEnd);
    } else {
      QVERIFY(event.at("tid") == 2);
      QVERIFY(start >= layerEnd && start >= phaseStart);
      layerEnd = start + length;
      QVERIFY2(layerEnd <= phaseEnd, kind.c_str());
      ++layers[event.at("name").get<std::string>()];
    }
  }
  QCOMPARE(steps, 3);
  QCOMPARE(tasks, 3);
  for (const std::string& name : names) QVERIFY2(layers.count(name) == 1, name.c_str());
}

void TestTraceFile::knownTimesAreWritten() {
  const QTemporaryDir folder;
  const QString path = folder.filePath(QStringLiteral("trace.json"));
  auto info = std::make_shared<RunInfo>();
  info->modelLayers = {"fc\"1"};
  auto times = std::make_shared<TimesPart>();
  times->layers = {{1e-3, 2e-3, 0.5e-3, 0.25e-3}};
  StepRecord record;
  record.info = info;
  record.step = 7;
  record.times = times;
  record.seconds = {1e-6, 2e-3, 3e-3, 1e-3, 1e-3, 4e-3, 0, 1.5e-6};
  TraceFile trace(path.toStdString());
  trace.addStep(record, 1);
  trace.commit();
  const json events = read(path).at("traceEvents");
  const auto find = [&](const char* name, const char* kind) {
    for (const json& event : events)
      if (event.value("cat", "") == kind && event.at("name") == name) return event;
    return json();
  };
  QCOMPARE(find("step 7", "step").at("dur").get<double>(), 11002.5);
  QCOMPARE(find("step 7", "step").at("ts").get<double>(), 1e6 - 11002.5);
  QCOMPARE(find("Backward", "phase").at("dur").get<double>(), 3000.0);
  QCOMPARE(find("Account", "phase").at("dur").get<double>(), 1.5);
  QCOMPARE(find("fc\"1", "Backward").at("dur").get<double>(), 2000.0);
  QCOMPARE(find("fc\"1", "Clip").at("dur").get<double>(), 250.0);
}

void TestTraceFile::nothingWithoutCommit() {
  const QTemporaryDir folder;
  const QString path = folder.filePath(QStringLiteral("trace.json"));
  {
    TraceFile trace(path.toStdString());
    trace.addTask("evaluation", 1, 1);
  }
  QVERIFY(QDir(folder.path()).isEmpty());
}

QTEST_APPLESS_MAIN(TestTraceFile)
#include "test_trace_file.moc"
