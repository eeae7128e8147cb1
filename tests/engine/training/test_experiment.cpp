// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/training/experiment.h"
#include "tests/support/files.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// Every setting to JSON and back, and a message that names the field for every way to be wrong.
class TestExperiment : public QObject {
  Q_OBJECT

 private slots:
  void roundTrip();
  void missingKeysKeepDefaults();
  void refuses_data();
  void refuses();
  void files();
};

void TestExperiment::roundTrip() {
  QVERIFY(experimentFromJson(toJson(Experiment{})) == Experiment{});
  Experiment e = smallExperiment();
  e.data.source = DataSource::Csv;
  e.data.path = "/tmp/ä b.csv";
  e.data.labelColumn = "3";
  e.data.ignoreColumns = {"x", "y"};
  e.data.csvTask = CsvTask::Regression;
  e.data.csvHeader = CsvHeader::Absent;
  e.data.normalisation = NormalisationRule::Constants;
  e.data.mean = {0.1, 1e-300};
  e.data.std = {1.0 / 3};
  e.data.testShare = 0.31;
  e.data.digits = {100, 7, 0.9, 0.1, 0.2};
  e.clipping = {GroupingKind::Custom,
                "psac",
                0.1 + 0.2,
                ThresholdRule::Custom,
                {{"a", {"fc1.weight"}}, {"b", {"fc1.bias", "fc2.weight", "fc2.bias"}}},
                {{"a", 1.5}, {"b", 2.5}},
                {0, 0.5, 0.25, 0.125, 3},
                {true, 0.3, 0.4, 5, CountDenominator::Batch, 0.1, 7}};
  e.noise = {0.7, NoiseAllocation::DimensionWeighted};
  e.optimizer = {"sgd", 0.3, 0.9, 0, true, 1e-4, 0.8, 0.99, 1e-6, true, 0.95, true, 0.1, 0.2, 1e-9};
  e.sampling = {12.5, 0.25, 9, SamplingScheme::Shuffled};
  e.privacy = {1e-7, "rdp-opacus"};
  e.run = {0xFFFFFFFFFFFFFFFF, 17, 3, 0, 5, true, false, 99};
  e.schedules.noiseMultiplier = {ScheduleKind::Table, 0.5, 7, 0.25, 9, {1, 0.5, 0}};
  e.schedules.learningRate = {ScheduleKind::Cosine, 0.75, 3, 0.01, 40, {}};
  QVERIFY(experimentFromJson(json::parse(toJson(e).dump())) == e);
}

void TestExperiment::missingKeysKeepDefaults() {
  QVERIFY(experimentFromJson(json::object()) == Experiment{});
  const Experiment e = experimentFromJson(json::parse(R"({"clipping": {"max_grad_norm": 2.5}})"));
  QCOMPARE(e.clipping.maxGradNorm, 2.5);
  QCOMPARE(e.clipping.strategy, "threshold");
}

void TestExperiment::refuses_data() {
  QTest::addColumn<QString>("text");
  QTest::addColumn<QString>("begins");
  const auto bad = [](const char* text, const char* begins) {
    QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(begins);
  };
  bad(R"({"clipping": {"max_grad_norm": 0}})", "clipping.max_grad_norm: 0 must be above 0");
  bad(R"({"clipping": {"max_grad_norm": -1}})", "clipping.max_grad_norm");
  bad(R"({"clipping": {"max_grad_norm": "1"}})", "clipping.max_grad_norm");
  bad(R"({"clipping": {"max_grad_norm": null}})", "clipping.max_grad_norm");
  bad(R"({"clipping": {"strategy": "clip"}})", "clipping.strategy");
  bad(R"({"clipping": {"grouping": "all"}})", "clipping.grouping");
  bad(R"({"clipping": {"grouping": "custom"}})", "clipping.groups");
  bad(R"({"clipping": {"groups": {"a": 1}}})", "clipping.groups");
  bad(R"({"clipping": {"group_thresholds": {"a": -2}}})", "clipping.group_thresholds.a");
  bad(R"({"clipping": {"clip_constant": -1}})", "clipping.clip_constant");
  bad(R"({"clipping": {"c": 1}})", "clipping.c");
  bad(R"({"noise": {"noise_multiplier": -0.1}})", "noise.noise_multiplier");
  bad(R"({"noise": {"allocation": "even"}})", "noise.allocation");
  bad(R"({"noise": 3})", "noise");
  bad(R"({"sampling": {"sample_rate": 1.5}})", "sampling.sample_rate");
  bad(R"({"sampling": {"sample_rate": -0.5}})", "sampling.sample_rate");
  bad(R"({"sampling": {"expected_batch_size": 0}})", "sampling.expected_batch_size");
  bad(R"({"sampling": {"physical_batch_size": -3}})", "sampling.physical_batch_size");
  bad(R"({"sampling": {"physical_batch_size": 2.5}})", "sampling.physical_batch_size");
  bad(R"({"optimizer": {"kind": "adamax"}})", "optimizer.kind");
  bad(R"({"optimizer": {"beta1": 1}})", "optimizer.beta1");
  bad(R"({"optimizer": {"amsgrad": 1}})", "optimizer.amsgrad");
  bad(R"({"optimizer": {"learning_rate": -1}})", "optimizer.learning_rate");
  bad(R"({"optimizer": {"nesterov": true}})", "optimizer.nesterov");
  bad(R"({"optimizer": {"nesterov": 1}})", "optimizer.nesterov");
  bad(R"({"privacy": {"delta": 0}})", "privacy.delta");
  bad(R"({"privacy": {"delta": 1}})", "privacy.delta");
  bad(R"({"privacy": {"accountant": "moments"}})", "privacy.accountant");
  bad(R"({"run": {"steps": -1}})", "run.steps");
  bad(R"({"run": {"seed": -1}})", "run.seed");
  bad(R"({"run": {"threads": 100000}})", "run.threads");
  bad(R"({"run": {"evaluate_every": -2}})", "run.evaluate_every");
  bad(R"({"data": {"source": "mnist"}})", "data.source");
  bad(R"({"data": {"source": "csv"}})", "data.path");
  bad(R"({"data": {"test_share": 1}})", "data.test_share");
  bad(R"({"model": {"preset": "resnet"}})", "model.preset");
  bad(R"({"model": {"preset": "mlp", "spec": {"layers": []}}})", "model.preset");
  bad(R"({"model": {"spec": 5}})", "model");
  bad(R"({"clipscope_experiment": 2})", "clipscope_experiment: version 2");
  bad(R"({"clippping": {}})", "clippping");
  bad(R"([1, 2])", "");
}

void TestExperiment::refuses() {
  QFETCH(QString, text);
  QFETCH(QString, begins);
  try {
    experimentFromJson(json::parse(text.toStdString()));
  } catch (const SettingError& error) {
    QVERIFY2(QString::fromUtf8(error.what()).startsWith(begins), error.what());
    return;
  }
  QFAIL("accepted");
}

void TestExperiment::files() {
  const Folder folder;
  Experiment e = smallExperiment();
  saveExperiment(e, folder / "e.json");
  QVERIFY(loadExperiment(folder / "e.json") == e);
  // A path in a file is relative to the file.
  folder.write("d.json", R"({"data": {"source": "csv", "path": "sub/x.csv"}})");
  QCOMPARE(loadExperiment(folder / "d.json").data.path, (folder / "sub/x.csv").string());
  const auto says = [&](const char* text, std::initializer_list<const char*> words) {
    try {
      loadExperiment(folder.write("bad.json", text));
      QFAIL(text);
    } catch (const Error& error) {
      for (const char* word : words)
        QVERIFY2(QString::fromUtf8(error.what()).contains(word), error.what());
    }
  };
  says("{\n  \"clipping\": {\n", {"bad.json", "line 3"});
  says("{\"clipping\": {\"max_grad_norm\": 0}}", {"bad.json", "clipping.max_grad_norm"});
  says("", {"bad.json", "empty"});
  says("{\"run\": {\"steps\": 1e999}}", {"bad.json", "1e999"});
  says(("{\"model\": {\"spec\": " + std::string(100000, '[')).c_str(), {"bad.json", "100"});
  QVERIFY_EXCEPTION_THROWN(loadExperiment(folder / "none.json"), FileError);
  QVERIFY_EXCEPTION_THROWN(saveExperiment(e, folder / "none/e.json"), FileError);
}

QTEST_GUILESS_MAIN(TestExperiment)
#include "test_experiment.moc"
