// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/resource.h>

#include <QTest>
#include <cmath>
#include <csignal>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/formats/csv.h"
#include "engine/formats/sha256.h"
#include "engine/interchange/run_folder.h"
#include "tests/support/files.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// The folder of a run: its columns, its cells against the records, its manifest, and that it is
/// whole or not there.
class TestRunFolder : public QObject {
  Q_OBJECT

 private slots:
  void columnsAreTheContract();
  void cellsAreTheRecords();
  void manifestNamesEveryFile();
  void sameSeedSameBytes();
  void attachedFilesHaveFolders();
  void leavesNothingUnfinished();
  void fullDiskLeavesWhatWasThere();
  void keepsOffForeignFolders();
};

namespace {

std::vector<std::shared_ptr<const StepRecord>> writeRun(const std::filesystem::path& folder,
                                                        Experiment e = smallExperiment()) {
  Trainer trainer(e, smallData());
  RunFolder out(folder, factsOf(trainer, "9.9"));
  std::vector<std::shared_ptr<const StepRecord>> records;
  for (int step = 0; step < 4; ++step) {
    records.push_back(trainer.finishStep());
    if (trainer.evaluationDue()) records.back() = trainer.evaluate();
    out.add(*records.back());
  }
  out.finish(false);
  return records;
}

/// Columns by name.
class Table {
 public:
  explicit Table(const std::filesystem::path& path) : m_table(readCsv(path, CsvHeader::Present)) {}
  std::size_t rows() const { return m_table.rows.size(); }
  const std::vector<std::string>& header() const { return m_table.header; }
  const std::string& text(std::size_t row, const std::string& column) const {
    for (std::size_t c = 0; c < m_table.header.size(); ++c)
      if (m_table.header[c] == column) return m_table.rows[row][c];
    qFatal("no column %s", column.c_str());
  }
  double number(std::size_t row, const std::string& column) const {
    const std::string& cell = text(row, column);
    return cell.empty() ? NAN : std::strtod(cell.c_str(), nullptr);
  }

 private:
  CsvTable m_table;
};

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

void TestRunFolder::columnsAreTheContract() {
  const Folder folder;
  writeRun(folder / "run");
  const std::map<std::string, const char*> contract{
      {"steps.csv",
       "step,batch_size,expected_batch_size,loss,test_accuracy,max_grad_norm,clipped_fraction,norm_"
       "q05,"
       "norm_q25,norm_q50,norm_q75,norm_q95,norm_max,signal,noise_std,noise_expected,noise_"
       "realised,snr,"
       "snr_realised,bias_ratio,bias_cosine,worst_contribution,sensitivity,effective_sigma,epsilon,"
       "delta"},
      {"examples.csv", "step,example,label,prediction,loss,norm,clip_factor,clipped_norm,rank"},
      {"layers.csv",
       "step,parameter,group,threshold,norm_mean,norm_max,share,clipped_fraction,signal,noise_std,"
       "noise_expected,noise_realised,snr"},
      {"example_layers.csv", "step,example,parameter,norm,clip_factor,clipped_norm"}};
  for (const auto& [name, header] : contract) {
    const std::string first =
        readAll(folder / "run" / name).substr(0, std::string(header).size() + 1);
    // More columns may follow; these come first.
    QVERIFY2(first.starts_with(header) && (first.back() == ',' || first.back() == '\n'),
             first.c_str());
  }
}

void TestRunFolder::cellsAreTheRecords() {
  const Folder folder;
  Experiment e = smallExperiment();
  e.clipping.grouping = GroupingKind::PerLayer;
  const auto records = writeRun(folder / "run", e);
  const Table steps(folder / "run/steps.csv"), examples(folder / "run/examples.csv"),
      layers(folder / "run/layers.csv"), exampleLayers(folder / "run/example_layers.csv");
  QCOMPARE(steps.rows(), records.size());
  std::size_t example = 0, layer = 0, cell = 0;
  for (std::size_t s = 0; s < records.size(); ++s) {
    const StepRecord& r = *records[s];
    const std::pair<const char*, double> numbers[] = {
        {"step", static_cast<double>(r.step)},
        {"batch_size", static_cast<double>(r.batchSize())},
        {"expected_batch_size", 17},
        {"loss", r.forward->meanLoss},
        {"test_accuracy", r.evaluation ? r.evaluation->accuracy : NAN},
        {"max_grad_norm", r.clip->maxGradNorm},
        {"clipped_fraction", r.clip->clippedFraction},
        {"norm_q05", r.norms->q05},
        {"norm_q25", r.norms->q25},
        {"norm_q50", r.norms->q50},
        {"norm_q75", r.norms->q75},
        {"norm_q95", r.norms->q95},
        {"norm_max", r.norms->max},
        {"signal", r.clip->signal},
        {"noise_std", r.noise->std},
        {"noise_expected", r.noise->expected},
        {"noise_realised", r.noise->realised},
        {"snr", r.noise->snr},
        {"snr_realised", r.noise->snrRealised},
        {"bias_ratio", r.clip->biasRatio},
        {"bias_cosine", r.clip->biasCosine},
        {"worst_contribution", r.clip->worstContribution},
        {"sensitivity", r.clip->sensitivity},
        {"effective_sigma", r.noise->effectiveSigma},
        {"epsilon", r.account->epsilon},
        {"delta", r.account->delta}};
    for (const auto& [name, value] : numbers) QVERIFY2(same(steps.number(s, name), value), name);
    for (Index i = 0; i < r.batchSize(); ++i, ++example) {
      const auto at = static_cast<std::size_t>(i);
      QCOMPARE(examples.number(example, "step"), static_cast<double>(r.step));
      QCOMPARE(examples.number(example, "example"), static_cast<double>(r.sample->examples[at]));
      QVERIFY(same(examples.number(example, "norm"), r.norms->global[at]));
      QVERIFY(same(examples.number(example, "clip_factor"), r.clip->factors.overallFactor(i)));
      QVERIFY(same(examples.number(example, "clipped_norm"), r.clip->factors.clippedNorm(i)));
      QVERIFY(static_cast<float>(examples.number(example, "loss")) == r.forward->losses[at]);
      // Classes have names here.
      QCOMPARE(examples.text(example, "label"),
               r.info->classNames[static_cast<std::size_t>(r.sample->labels[at])]);
      for (std::size_t t = 0; t < r.info->tensors.size(); ++t, ++cell) {
        QCOMPARE(exampleLayers.text(cell, "parameter"), r.info->tensors[t]);
        QVERIFY(
            same(exampleLayers.number(cell, "norm"), r.norms->norms.at(i, static_cast<Index>(t))));
        const double f = r.clip->factors.factor(i, r.clip->groupOf[t]);
        QVERIFY(same(exampleLayers.number(cell, "clip_factor"), f));
        QVERIFY(std::abs(exampleLayers.number(cell, "clipped_norm") -
                         f * r.norms->norms.at(i, static_cast<Index>(t))) < 1e-12);
      }
    }
    for (std::size_t t = 0; t < r.info->tensors.size(); ++t, ++layer) {
      QCOMPARE(layers.text(layer, "parameter"), r.info->tensors[t]);
      const GroupResult& group = r.clip->groups[static_cast<std::size_t>(r.clip->groupOf[t])];
      QCOMPARE(layers.text(layer, "group"), group.name);
      QVERIFY(same(layers.number(layer, "threshold"), group.threshold));
      QVERIFY(same(layers.number(layer, "clipped_fraction"), group.clippedFraction));
      QVERIFY(same(layers.number(layer, "norm_mean"), r.norms->tensorMean[t]));
      QVERIFY(same(layers.number(layer, "share"), r.norms->tensorShare[t]));
      QVERIFY(same(layers.number(layer, "signal"), r.clip->tensorSignal[t]));
      QVERIFY(same(layers.number(layer, "noise_realised"), r.noise->tensorRealised[t]));
    }
  }
  QCOMPARE(examples.rows(), example);
  QCOMPARE(layers.rows(), layer);
  QCOMPARE(exampleLayers.rows(), cell);
}

void TestRunFolder::manifestNamesEveryFile() {
  const Folder folder;
  writeRun(folder / "run");
  const json manifest = json::parse(readAll(folder / "run/manifest.json"));
  const std::string text = manifest.dump();
  QVERIFY(text.find("not private") != std::string::npos);
  QVERIFY(text.find("9.9") != std::string::npos);
  QVERIFY(text.find(smallData().data->fingerprint()) != std::string::npos);
  int named = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "run")) {
    const std::string name = entry.path().filename().string();
    if (name == "manifest.json") continue;
    QVERIFY2(text.find(sha256OfFile(entry.path())) != std::string::npos, name.c_str());
    QVERIFY2(text.find(name) != std::string::npos, name.c_str());
    ++named;
  }
  QCOMPARE(named, 5);
  QVERIFY(experimentFromJson(json::parse(readAll(folder / "run/experiment.json"))) ==
          smallExperiment());
}

void TestRunFolder::sameSeedSameBytes() {
  const Folder folder;
  writeRun(folder / "a");
  writeRun(folder / "b");
  for (const char* name :
       {"steps.csv", "examples.csv", "layers.csv", "example_layers.csv", "experiment.json"})
    QCOMPARE(readAll(folder / "a" / name), readAll(folder / "b" / name));
}

void TestRunFolder::attachedFilesHaveFolders() {
  const Folder folder;
  const auto run = folder / "run";
  const auto write = [&](std::vector<std::string> names, bool finish) {
    Trainer trainer(smallExperiment(), smallData());
    RunFolder out(run, factsOf(trainer, "9.9"));
    out.add(*trainer.finishStep());
    for (const std::string& name : names) out.attach(name, "bytes of " + name);
    if (finish) out.finish(false);
  };
  write({"plots/a.svg", "plots/b.svg"}, false);
  QVERIFY(!std::filesystem::exists(run));
  write({"plots/a.svg", "plots/b.svg"}, true);
  QCOMPARE(readAll(run / "plots/a.svg"), "bytes of plots/a.svg");
  // What the new run does not have goes; what is not ours stays.
  folder.write("run/plots/own.txt", "mine");
  write({"plots/b.svg"}, true);
  QVERIFY(!std::filesystem::exists(run / "plots/a.svg"));
  QVERIFY(std::filesystem::exists(run / "plots/b.svg"));
  QCOMPARE(readAll(run / "plots/own.txt"), "mine");
  std::filesystem::remove(run / "plots/own.txt");
  write({}, true);
  QVERIFY(!std::filesystem::exists(run / "plots"));
  // A manifest that names a path out of the folder deletes nothing there.
  folder.write("outside.txt", "mine");
  auto manifest = json::parse(readAll(run / "manifest.json"));
  manifest["files"].push_back({{"name", "../outside.txt"}});
  manifest["files"].push_back({{"name", (folder / "outside.txt").string()}});
  folder.write("run/manifest.json", manifest.dump());
  write({}, true);
  QCOMPARE(readAll(folder / "outside.txt"), "mine");
}

void TestRunFolder::leavesNothingUnfinished() {
  const Folder folder;
  {
    Trainer trainer(smallExperiment(), smallData());
    RunFolder out(folder / "run", factsOf(trainer, "1"));
    out.add(*trainer.finishStep());
  }
  QVERIFY(!std::filesystem::exists(folder / "run/steps.csv"));
  QVERIFY(!std::filesystem::exists(folder / "run/manifest.json"));
  // Over an earlier run: it stays as it was until the new one is whole.
  writeRun(folder / "run");
  const std::string before = readAll(folder / "run/steps.csv");
  {
    Trainer trainer(smallExperiment(), smallData());
    RunFolder out(folder / "run", factsOf(trainer, "1"));
    out.add(*trainer.finishStep());
  }
  QCOMPARE(readAll(folder / "run/steps.csv"), before);
  QCOMPARE(countFiles(folder / "run"), 6);
}

void TestRunFolder::fullDiskLeavesWhatWasThere() {
  const Folder folder;
  writeRun(folder / "run");
  const std::string before = readAll(folder / "run/steps.csv");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  rlimit small = old;
  small.rlim_cur = 2000;
  QString message;
  {
    Experiment e = smallExperiment();
    e.run.seed = 5;
    Trainer trainer(e, smallData());
    setrlimit(RLIMIT_FSIZE, &small);
    try {
      RunFolder out(folder / "run", factsOf(trainer, "1"));
      for (int step = 0; step < 30; ++step) out.add(*trainer.finishStep());
      out.finish(false);
    } catch (const FileError& error) {
      message = QString::fromUtf8(error.what());
    }
    setrlimit(RLIMIT_FSIZE, &old);
  }
  QVERIFY2(message.contains("run"), qPrintable(message));
  QCOMPARE(readAll(folder / "run/steps.csv"), before);
  QCOMPARE(countFiles(folder / "run"), 6);
}

void TestRunFolder::keepsOffForeignFolders() {
  const Folder folder;
  folder.write("thesis.txt", "mine");
  Trainer trainer(smallExperiment(), smallData());
  QVERIFY_EXCEPTION_THROWN(RunFolder(folder.path(), factsOf(trainer, "1")), FileError);
  QVERIFY_EXCEPTION_THROWN(RunFolder(folder / "thesis.txt", factsOf(trainer, "1")), FileError);
  QVERIFY_EXCEPTION_THROWN(RunFolder("/proc/nowhere", factsOf(trainer, "1")), FileError);
  QCOMPARE(countFiles(folder.path()), 1);
}

QTEST_GUILESS_MAIN(TestRunFolder)
#include "test_run_folder.moc"
