// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QElapsedTimer>
#include <QImage>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QRegularExpression>
#include <QTest>
#include <csignal>

#include "engine/formats/csv.h"
#include "engine/formats/sha256.h"
#include "engine/interchange/command_line.h"
#include "engine/recording/recording_reader.h"
#include "tests/app/program.h"

using namespace clipscope;
using namespace clipscope::test;

/// The program without a window: results, exit codes, one clear message for bad input, and what an
/// interruption leaves.
class TestCommandLine : public QObject {
  Q_OBJECT

 private slots:
  void helpAndVersion();
  void aRun();
  void recordsARun();
  void sameSeedSameBytes();
  void optionsReachTheExperiment();
  void experimentFile();
  void badInput_data();
  void badInput();
  void foldersThatCannotBeWritten();
  void interruptLeavesAWholeFolder();
  void noStepsAreFine();
  void profile();
  void verify();
  void theCopiedCommandRepeatsTheExperiment();
  void screenshot();
  void breakpoints();
  void secureRuns();
  void withoutDisplay();
  void realData();
};

namespace {

QElapsedTimer startedClock() {
  QElapsedTimer clock;
  clock.start();
  return clock;
}

QJsonObject jsonIn(const std::filesystem::path& path) {
  return QJsonDocument::fromJson(QByteArray::fromStdString(readAll(path))).object();
}

}  // namespace

void TestCommandLine::helpAndVersion() {
  const Folder folder;
  Result r = call({"--version"}, folder);
  QCOMPARE(r.code, 0);
  QVERIFY(r.out.startsWith("clipscope "));
  r = call({"--help"}, folder);
  QCOMPARE(r.code, 0);
  QVERIFY(r.out.contains("run") && r.out.contains("verify"));
  r = call({"run", "--help"}, folder);
  QCOMPARE(r.code, 0);
  for (const char* option :
       {"--data", "--steps", "--out", "--clipping", "--strategy", "--max-grad-norm",
        "--noise-multiplier", "--seed", "--learning-rate", "--momentum", "--delta"})
    QVERIFY2(r.out.contains(option), option);
}

void TestCommandLine::aRun() {
  const Folder folder;
  QStringList arguments = quick({"--steps", "3", "--out", "results"});
  arguments.removeAll("--no-plots");
  const Result r = call(arguments, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY(r.out.contains("results") && r.out.contains("not private"));
  QVERIFY(r.err.contains("step 3/3"));  // lines where there is no terminal
  for (const char* name :
       {"steps.csv", "examples.csv", "layers.csv", "example_layers.csv", "experiment.json",
        "manifest.json", "plots/norms.png", "plots/layers.svg", "plots/examples.pdf"})
    QVERIFY2(std::filesystem::file_size(folder / "results" / name) > 100, name);
  QCOMPARE(readCsv(folder / "results/steps.csv").rows.size(), std::size_t{3});
  for (const char* name : {"plots/norms.png", "plots/layers.png", "plots/examples.png"})
    QVERIFY(readAll(folder / "results" / name).starts_with("\x89PNG"));
  // The experiment in the folder repeats the run.
  const Result again =
      call({"run", "results/experiment.json", "--out", "again", "--no-plots"}, folder);
  QVERIFY2(again.code == 0, qPrintable(again.err));
  QCOMPARE(readAll(folder / "again/examples.csv"), readAll(folder / "results/examples.csv"));
}

void TestCommandLine::recordsARun() {
  const Folder folder;
  Result r = call(quick({"--steps", "4", "--out", "a", "--record", "run.clipscope"}), folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY(r.out.contains("Recording (not private) in run.clipscope"));
  QVERIFY(!std::filesystem::exists(folder / "run.clipscope-wal"));
  r = call({"info", "run.clipscope"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY2(r.out.contains(QRegularExpression("steps +4\n")), qPrintable(r.out));
  QVERIFY(r.out.contains("train") && r.out.contains("fingerprint"));
  // Nothing is overwritten, and the run does not begin.
  const std::string before = readAll(folder / "run.clipscope");
  r = call(quick({"--steps", "4", "--out", "b", "--record", "run.clipscope"}), folder);
  QVERIFY(r.code != 0 && r.err.contains("exists already"));
  QVERIFY(!std::filesystem::exists(folder / "b"));
  QVERIFY(readAll(folder / "run.clipscope") == before);
  r = call({"info", "a/steps.csv"}, folder);
  QCOMPARE(r.code, 2);
  QVERIFY2(r.err.contains("a/steps.csv"), qPrintable(r.err));
}

void TestCommandLine::sameSeedSameBytes() {
  const Folder folder;
  QCOMPARE(call(quick({"--steps", "3", "--out", "a", "--seed", "5"}), folder).code, 0);
  QCOMPARE(call(quick({"--steps", "3", "--out", "b", "--seed", "5"}), folder).code, 0);
  QCOMPARE(call(quick({"--steps", "3", "--out", "c", "--seed", "6"}), folder).code, 0);
  for (const char* name : {"steps.csv", "examples.csv", "layers.csv", "example_layers.csv"}) {
    QCOMPARE(readAll(folder / "a" / name), readAll(folder / "b" / name));
    QVERIFY(readAll(folder / "a" / name) != readAll(folder / "c" / name));
  }
}

void TestCommandLine::optionsReachTheExperiment() {
  const Folder folder;
  const Result r = call({"run",
                         "--model",
                         "mlp",
                         "--digits",
                         "100",
                         "--steps",
                         "1",
                         "--out",
                         "o",
                         "--no-plots",
                         "--clipping",
                         "param",
                         "--strategy",
                         "auto_s",
                         "--max-grad-norm",
                         "2.5",
                         "--noise-multiplier",
                         "0.7",
                         "--allocation",
                         "least_power",
                         "--seed",
                         "9",
                         "--sample-rate",
                         "0.25",
                         "--learning-rate",
                         "0.125",
                         "--momentum",
                         "0.5",
                         "--delta",
                         "1e-6",
                         "--thresholds",
                         "sqrt_dim",
                         "--evaluate-every",
                         "0",
                         "--optimizer",
                         "rmsprop",
                         "--alpha",
                         "0.9",
                         "--centered",
                         "--adaptive",
                         "--count-std",
                         "7",
                         "--count-denominator",
                         "batch",
                         "--sampling",
                         "shuffled",
                         "--rate-schedule",
                         "step:0.5:3"},
                        folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  const QJsonObject e = jsonIn(folder / "o/experiment.json");
  QCOMPARE(e["model"]["preset"].toString(), "mlp");
  QCOMPARE(e["clipping"]["grouping"].toString(), "param");
  QCOMPARE(e["clipping"]["strategy"].toString(), "auto_s");
  QCOMPARE(e["clipping"]["max_grad_norm"].toDouble(), 2.5);
  QCOMPARE(e["clipping"]["thresholds"].toString(), "sqrt_dim");
  QCOMPARE(e["noise"]["noise_multiplier"].toDouble(), 0.7);
  QCOMPARE(e["noise"]["allocation"].toString(), "least_power");
  QCOMPARE(e["run"]["seed"].toInt(), 9);
  QCOMPARE(e["sampling"]["sample_rate"].toDouble(), 0.25);
  QCOMPARE(e["optimizer"]["learning_rate"].toDouble(), 0.125);
  QCOMPARE(e["optimizer"]["momentum"].toDouble(), 0.5);
  QCOMPARE(e["privacy"]["delta"].toDouble(), 1e-6);
  QCOMPARE(e["optimizer"]["kind"].toString(), "rmsprop");
  QCOMPARE(e["optimizer"]["alpha"].toDouble(), 0.9);
  QVERIFY(e["optimizer"]["centered"].toBool());
  QVERIFY(e["clipping"]["adaptive"]["enabled"].toBool());
  QCOMPARE(e["clipping"]["adaptive"]["count_std"].toDouble(), 7.0);
  QCOMPARE(e["clipping"]["adaptive"]["denominator"].toString(), "batch");
  QCOMPARE(e["sampling"]["scheme"].toString(), "shuffled");
  QCOMPARE(e["schedules"]["learning_rate"]["kind"].toString(), "step");
  QCOMPARE(e["schedules"]["learning_rate"]["every"].toInt(), 3);
  // ε is said to be of what was done, and not to hold where it does not.
  QVERIFY2(r.out.contains("not valid: private denominator") && r.out.contains("shuffled batches"),
           qPrintable(r.out));
  const auto steps = readCsv(folder / "o/steps.csv");
  QCOMPARE(steps.rows.front().back(), "not valid: private denominator");
}

void TestCommandLine::experimentFile() {
  const Folder folder;
  folder.write("rows.csv", "a,b,label\n1,2,x\n3,1,y\n2,2,x\n5,1,y\n4,4,x\n1,1,y\n");
  folder.write("e.json", R"({"data": {"source": "csv", "path": "rows.csv", "test_share": 0},
    "model": {"preset": "logistic"}, "sampling": {"sample_rate": 0.5}, "run": {"steps": 2}})");
  Result r = call({"run", "e.json", "--out", "o", "--no-plots"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QCOMPARE(readCsv(folder / "o/steps.csv").rows.size(), std::size_t{2});
  // An option overrides the file.
  r = call({"run", "e.json", "--out", "p", "--steps", "1", "--no-plots"}, folder);
  QCOMPARE(readCsv(folder / "p/steps.csv").rows.size(), std::size_t{1});
  // A table alone gets a model that fits it.
  r = call({"run", "--data", "rows.csv", "--batch-size", "2", "--steps", "1", "--out", "q",
            "--no-plots"},
           folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
}

void TestCommandLine::badInput_data() {
  QTest::addColumn<QStringList>("arguments");
  QTest::addColumn<QStringList>("words");
  const auto bad = [](const char* name, QStringList arguments, QStringList words) {
    QTest::newRow(name) << arguments << words;
  };
  bad("C 0", {"run", "--max-grad-norm", "0"}, {"--max-grad-norm", "above 0"});
  bad("C negative", {"run", "--max-grad-norm", "-1"}, {"--max-grad-norm"});
  bad("C text", {"run", "--max-grad-norm", "big"}, {"max-grad-norm"});
  bad("sigma negative", {"run", "--noise-multiplier", "-1"}, {"--noise-multiplier"});
  bad("q 0", {"run", "--sample-rate", "0"}, {"--sample-rate"});
  bad("q above 1", {"run", "--sample-rate", "1.01"}, {"--sample-rate"});
  bad("steps negative", {"run", "--steps", "-3"}, {"--steps"});
  bad("seed negative", {"run", "--seed", "-3"}, {"--seed"});
  bad("strategy", {"run", "--strategy", "clamp"}, {"--strategy", "auto_s"});
  bad("clipping", {"run", "--clipping", "rows"}, {"--clipping", "flat"});
  bad("model", {"run", "--model", "vgg"}, {"--model", "mnist-cnn"});
  bad("batch above N", {"run", "--digits", "100", "--batch-size", "500"}, {"500", "80"});
  bad("unknown option", {"run", "--sigma", "1"}, {"--sigma"});
  bad("unknown command", {"ruin", "x", "y"}, {"--help"});
  bad("data missing", {"run", "--data", "nowhere.csv"}, {"nowhere.csv"});
  bad("data a folder", {"run", "--data", "."}, {"folder"});
  bad("data empty", {"run", "--data", "empty.csv"}, {"empty.csv", "empty"});
  bad("data ragged", {"run", "--data", "ragged.csv"}, {"ragged.csv", "line 3"});
  bad("data with NaN", {"run", "--data", "nan.csv"}, {"nan.csv", "line 2"});
  bad("images cut off", {"run", "--data", "cut-images-idx3-ubyte"}, {"cut-images", "cut off"});
  bad("images without labels", {"run", "--data", "lone-images-idx3-ubyte"}, {"labels"});
  bad("cnn on rows", {"run", "--data", "rows.csv", "--model", "mnist-cnn"}, {"--model", "images"});
  bad("experiment missing", {"run", "no.json"}, {"no.json"});
  bad("experiment broken", {"run", "broken.json"}, {"broken.json", "line"});
  bad("experiment wrong", {"run", "wrong.json"}, {"wrong.json", "clipping.max_grad_norm"});
  bad("batch norm", {"run", "norm.json"}, {"batch normalisation", "groupnorm"});
  bad("window without display", {"rows.csv"}, {"no display", "clipscope run"});
}

void TestCommandLine::badInput() {
  QFETCH(QStringList, arguments);
  QFETCH(QStringList, words);
  const Folder folder;
  folder.write("empty.csv", "");
  folder.write("rows.csv", "a,b,label\n1,2,x\n3,1,y\n");
  folder.write("ragged.csv", "a,b,label\n1,2,x\n3,y\n");
  folder.write("nan.csv", "a,b,label\nnan,2,x\n3,1,y\n");
  folder.write("cut-images-idx3-ubyte", idxHeader({5, 4, 4}) + "abc");
  folder.write("lone-images-idx3-ubyte", idxHeader({1, 2, 2}) + "abcd");
  folder.write("broken.json", "{\"run\": \n{]");
  folder.write("wrong.json", "{\"clipping\": {\"max_grad_norm\": -4}}");
  folder.write("norm.json", R"({"model": {"spec": {"layers": [{"type": "batchnorm2d"}]}}})");
  const int before = countFiles(folder.path());
  if (arguments.first() == "run") arguments += {"--out", "result"};
  const Result r = call(arguments, folder);
  QVERIFY2(r.code == 1 || r.code == 2, qPrintable(QString::number(r.code) + r.err));
  for (const QString& word : words) QVERIFY2(r.err.contains(word), qPrintable(r.err));
  // One message, and nothing left behind.
  QVERIFY2(r.err.startsWith("clipscope: "), qPrintable(r.err));
  QCOMPARE(r.err.count('\n'), 1);
  QCOMPARE(countFiles(folder.path()), before);
}

void TestCommandLine::foldersThatCannotBeWritten() {
  const Folder folder;
  folder.write("file", "x");
  std::filesystem::create_directory(folder / "full");
  folder.write("full/thesis.txt", "mine");
  for (const char* out : {"file", "full", "/proc/clipscope"}) {
    const Result r = call(quick({"--steps", "1", "--out", out}), folder);
    QVERIFY2(r.code == 1 || r.code == 2, out);
    QVERIFY2(r.err.contains(QString::fromLatin1(out)), qPrintable(r.err));
  }
  QCOMPARE(countFiles(folder / "full"), 1);
}

void TestCommandLine::interruptLeavesAWholeFolder() {
  const Folder folder;
  QProcess process;
  process.setProcessEnvironment(clipscope::test::withoutDisplay());
  process.setWorkingDirectory(QString::fromStdString(folder.path().string()));
  process.start(QStringLiteral(CLIPSCOPE_PROGRAM), quick({"--steps", "100000000", "--out", "o"}));
  QVERIFY(process.waitForStarted());
  // The first line of progress says that steps are being done.
  QByteArray seen;
  process.setReadChannel(QProcess::StandardError);
  for (QElapsedTimer clock = startedClock(); !seen.contains("step 1/");) {
    QVERIFY(clock.elapsed() < 30000);
    process.waitForReadyRead(100);
    seen += process.readAllStandardError();
  }
  QTest::qWait(200);
  ::kill(static_cast<pid_t>(process.processId()), SIGINT);
  QVERIFY(process.waitForFinished(30000));
  QCOMPARE(process.exitCode(), 130);
  const QJsonObject manifest = jsonIn(folder / "o/manifest.json");
  QVERIFY(manifest["interrupted"].toBool());
  const std::size_t steps = readCsv(folder / "o/steps.csv").rows.size();
  QVERIFY(steps >= 1);
  QCOMPARE(static_cast<std::size_t>(manifest["steps"].toInt()), steps);
  const auto layers = readCsv(folder / "o/layers.csv");
  QCOMPARE(layers.rows.back().front(), std::to_string(steps));
  const QJsonArray files = manifest["files"].toArray();
  for (const QJsonValue file : files)
    QCOMPARE(sha256OfFile(folder / "o" / file.toObject()["name"].toString().toStdString()),
             file.toObject()["sha256"].toString().toStdString());
}

void TestCommandLine::noStepsAreFine() {
  const Folder folder;
  const Result r = call(quick({"--steps", "0", "--out", "o"}), folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY(readAll(folder / "o/steps.csv").starts_with("step,"));
}

void TestCommandLine::theCopiedCommandRepeatsTheExperiment() {
  const Folder folder;
  const auto rows = folder.write("my rows.csv", "a,b,label\n1,2,x\n3,1,y\n2,2,x\n5,1,y\n4,4,x\n");
  Experiment plain, table, own;
  plain.data.digits.count = 123;
  plain.clipping.strategy = "psac";
  plain.clipping.strategySettings.psacR = 0.3;
  plain.sampling.sampleRate = 0.25;
  plain.optimizer.momentum = 0.5;
  plain.optimizer.nesterov = true;
  plain.run.unclippedSum = false;
  plain.privacy.delta = 1e-7;
  table.data = settingsForPath(rows, table.data);
  table.data.testShare = 0;
  table.data.normalisation = NormalisationRule::Constants;
  table.data.mean = {1, 2.5};
  table.data.std = {0.1, 3};
  table.model.preset = "logistic";
  table.sampling.expectedBatchSize = 2.5;
  own.data.digits.count = 100;
  own.model.preset.clear();
  own.model.spec = nlohmann::json::parse(
      R"({"layers": [{"type": "flatten"}, {"type": "linear", "name": "it's", "out": 10}]})");
  own.clipping.grouping = GroupingKind::Custom;
  own.clipping.groups = {{"one group", {"it's.weight", "it's.bias"}}};
  own.clipping.thresholds = ThresholdRule::Custom;
  own.clipping.groupThresholds = {{"one group", 0.75}};
  own.sampling.expectedBatchSize = 10;
  int number = 0;
  for (Experiment* e : {&plain, &table, &own}) {
    e->run.steps = 0;
    const QString out = QStringLiteral("out%1").arg(++number);
    QString line = QString::fromStdString(commandLineOf(*e));
    QVERIFY(line.startsWith("clipscope "));
    line = QStringLiteral(CLIPSCOPE_PROGRAM) + line.mid(9) + " --no-plots --out " + out;
    QProcess shell;
    shell.setProcessEnvironment(clipscope::test::withoutDisplay());
    shell.setWorkingDirectory(QString::fromStdString(folder.path().string()));
    shell.start(QStringLiteral("sh"), {QStringLiteral("-c"), line});
    QVERIFY(shell.waitForFinished(120000));
    QVERIFY2(shell.exitCode() == 0, shell.readAllStandardError());
    const Experiment back = loadExperiment(folder / (out.toStdString() + "/experiment.json"));
    QVERIFY2(back == *e, qPrintable(line));
  }
}

void TestCommandLine::screenshot() {
  const Folder folder;
  folder.write("e.json", R"({"data": {"digits": {"count": 300}}, "model": {"preset": "mlp"},
    "sampling": {"expected_batch_size": 30}})");
  Result r = call({"screenshot", "w.png", "--size", "1280x800", "--steps", "2", "--data", "e.json"},
                  folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  const QImage window(QString::fromStdString((folder / "w.png").string()));
  QCOMPARE(window.size(), QSize(1280, 800));
  QVERIFY(window.pixelColor(2, 400).lightness() > 200);
  r = call({"screenshot", "p.png", "--panel", "Norms", "--theme", "dark", "--size", "900x600",
            "--scale", "1.5", "--steps", "0", "--data", "e.json"},
           folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  const QImage panel(QString::fromStdString((folder / "p.png").string()));
  QCOMPARE(panel.size(), QSize(900, 600));
  QVERIFY(panel.pixelColor(450, 4).lightness() < 80);
  const std::pair<QStringList, const char*> bad[] = {
      {{"screenshot", "x.png", "--panel", "nonsense"}, "norms"},
      {{"screenshot", "x.png", "--size", "big"}, "WIDTHxHEIGHT"},
      {{"screenshot", "x.jpg"}, ".png"},
      {{"screenshot", "x.png", "--data", "missing.json"}, "missing.json"},
      {{"screenshot", "/proc/none/x.png", "--steps", "0", "--data", "e.json"}, "/proc/none"}};
  for (const auto& [arguments, word] : bad) {
    r = call(arguments, folder);
    QVERIFY2(r.code != 0 && r.err.contains(word), qPrintable(r.err));
  }
  QVERIFY(!std::filesystem::exists(folder / "x.png"));
  // A recording is drawn as it is, and does not go on for its picture.
  r = call(quick({"--steps", "3", "--out", "out", "--record", "r.clipscope"}), folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  r = call({"screenshot", "r.png", "--data", "r.clipscope"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  r = call({"info", "r.clipscope"}, folder);
  QVERIFY2(r.code == 0 && r.out.contains("3"), qPrintable(r.out));
  QCOMPARE(RecordingReader(folder / "r.clipscope").tree().at(0).steps, Index{3});
  r = call({"screenshot", "r.png", "--data", "r.clipscope", "--steps", "5"}, folder);
  QVERIFY2(r.code != 0 && r.err.contains("newest step"), qPrintable(r.err));
}

void TestCommandLine::breakpoints() {
  const Folder folder;
  Result r =
      call(quick({"--steps", "9", "--out", "a", "--break", "every 4 and phase clip"}), folder);
  QCOMPARE(r.code, 3);
  QVERIFY2(r.out.contains("Stopped at step 4 after phase Clip: step 4"), qPrintable(r.out));
  // The rows are of the whole steps before it.
  QVERIFY(QString::fromStdString(readAll(folder / "a/steps.csv")).count('\n') == 4);
  // Of several the first that holds; at the end of a step its row is there.
  r = call(quick({"--steps", "9", "--out", "b", "--break", "nan", "--break",
                  "step >= 2 and phase account"}),
           folder);
  QCOMPARE(r.code, 3);
  QVERIFY2(r.out.contains("Stopped at step 2 after phase Account"), qPrintable(r.out));
  QVERIFY(QString::fromStdString(readAll(folder / "b/steps.csv")).count('\n') == 3);
  r = call(quick({"--steps", "2", "--out", "c", "--break", "nan"}), folder);
  QCOMPARE(r.code, 0);
  r = call(quick({"--steps", "2", "--out", "d", "--break", "clip > 3"}), folder);
  QVERIFY2(r.code == 2 && r.err.contains("clipped_fraction"), qPrintable(r.err));
  QVERIFY(!std::filesystem::exists(folder / "d"));
}

void TestCommandLine::secureRuns() {
  const Folder folder;
  QStringList plotted =
      quick({"--steps", "2", "--out", "a", "--secure", "--record", "a.clipscope"});
  plotted.removeAll(QStringLiteral("--no-plots"));
  const Result a = call(plotted, folder);
  QVERIFY2(a.code == 0 && a.out.contains("secure mode"), qPrintable(a.out + a.err));
  const Result b = call(quick({"--steps", "2", "--out", "b", "--secure"}), folder);
  QCOMPARE(b.code, 0);
  QVERIFY(QString::fromStdString(readAll(folder / "a/steps.csv")) !=
          QString::fromStdString(readAll(folder / "b/steps.csv")));
  QVERIFY(QString::fromStdString(readAll(folder / "a/manifest.json"))
              .contains("\"epsilon_is_simulated\": false"));
  // Heads without rows, and no plots: nothing says who was drawn.
  for (const char* table : {"a/examples.csv", "a/example_layers.csv"})
    QCOMPARE(QString::fromStdString(readAll(folder / table)).count('\n'), 1);
  QVERIFY(QString::fromStdString(readAll(folder / "a/layers.csv")).count('\n') > 1);
  QVERIFY(!std::filesystem::exists(folder / "a/plots"));
  const Result resumed =
      call({"run", "--resume", "a.clipscope", "--steps", "4", "--out", "c"}, folder);
  QVERIFY2(resumed.code != 0 && resumed.err.contains("secure mode"), qPrintable(resumed.err));
}

void TestCommandLine::profile() {
  const Folder folder;
  const Result run = call(
      quick({"--steps", "4", "--evaluate-every", "2", "--out", "out", "--profile", "trace.json"}),
      folder);
  QCOMPARE(run.code, 0);
  int steps = 0, evaluations = 0;
  for (const QJsonValue& event : jsonIn(folder / "trace.json")["traceEvents"].toArray()) {
    steps += event["cat"].toString() == "step";
    evaluations += event["name"].toString() == "evaluation";
  }
  QCOMPARE(steps, 4);
  QCOMPARE(evaluations, 2);
  const Result nowhere =
      call(quick({"--steps", "1", "--out", "other", "--profile", "no/such/trace.json"}), folder);
  QCOMPARE(nowhere.code, 1);
  QVERIFY2(nowhere.err.contains("no/such/trace.json"), qPrintable(nowhere.err));
  QVERIFY(!std::filesystem::exists(folder / "other"));
}

void TestCommandLine::verify() {
  const Folder folder;
  const QString data = QStringLiteral(TEST_DATA_DIR "/reference/");
  Result r =
      call({"verify", data + "models/mlp_tanh.json", data + "clipping/mlp_tanh.json"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.out + r.err));
  QVERIFY(r.out.contains("ok") && !r.out.contains("FAIL"));
  std::string wrong = readAll((data + "models/linreg_mse.json").toStdString());
  const auto at = wrong.find("\"losses\"");
  const auto digit = wrong.find_first_of("123456789", wrong.find("data", at));
  wrong[digit] = wrong[digit] == '9' ? '1' : static_cast<char>(wrong[digit] + 1);
  r = call({"verify", QString::fromStdString(folder.write("wrong.json", wrong).string())}, folder);
  QCOMPARE(r.code, 1);
  QVERIFY(r.out.contains("FAIL"));
  r = call({"verify", data + "training/text_adam_flat.json"}, folder);
  QCOMPARE(r.code, 2);
  QVERIFY(r.out.contains("not supported"));
  r = call({"verify", "missing.json"}, folder);
  QCOMPARE(r.code, 2);
  QVERIFY(r.err.contains("missing.json"));
  QVERIFY(call({"verify"}, folder).code == 2);
}

void TestCommandLine::withoutDisplay() {
  const Folder folder;
  const Result r = call({}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  QVERIFY(r.err.contains("no display"));
  QVERIFY(r.out.contains("clipscope-run-"));
  QCOMPARE(countFiles(folder.path()), 1);
  const auto run = std::filesystem::directory_iterator(folder.path())->path();
  QCOMPARE(readCsv(run / "steps.csv").rows.size(), std::size_t{200});
  QVERIFY(std::filesystem::exists(run / "plots/norms.png"));
}

void TestCommandLine::realData() {
  const std::filesystem::path root =
      std::filesystem::path(SOURCE_DIR).parent_path() / "shared/data";
  if (!std::filesystem::exists(root / "wdbc.csv"))
    QSKIP("the real data is not here: nothing was checked");
  const Folder folder;
  const QString mnist = QString::fromStdString((root / "t10k-images-idx3-ubyte.gz").string());
  Result r = call({"run", "--data", mnist, "--steps", "2", "--out", "m", "--no-plots"}, folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  r = call(
      {"run", "--data", QString::fromStdString((root / "wdbc.csv").string()), "--normalisation",
       "standardise", "--batch-size", "64", "--steps", "60", "--out", "w", "--no-plots"},
      folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  const QJsonObject data = jsonIn(folder / "w/manifest.json")["data"].toObject();
  QVERIFY(data["normalisation_computed_from_data"].toBool());
}

QTEST_GUILESS_MAIN(TestCommandLine)
#include "test_command_line.moc"
