// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <cmath>
#include <functional>

#include "engine/session/dp_lint.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Every check of the lint: a run that it passes, and one that it finds.
class TestDpLint : public QObject {
  Q_OBJECT

 private slots:
  void aSoundRunPasses();
  void beforeAPhaseNothingIsKnown();
  void whatIsMisset_data();
  void whatIsMisset();
  void adaptiveThresholdAtItsEdge();
  void examplesThatAreNotFinite();
  void deadTensors();
  void aLayerThatDominates();
  void sensitivityThatDoesNotHold();
  void chargedZ();
  void withoutTables();
  void secureRunsAreToBeQuoted();
  void anotherLibrarysRun();

 private:
  static const LintFinding& of(const std::vector<LintFinding>& findings, const char* check) {
    const auto found = std::ranges::find(findings, check, &LintFinding::check);
    if (found == findings.end()) qFatal("no check %s", check);
    return *found;
  }
  static Experiment sound() {
    Experiment e = smallExperiment();
    e.clipping.maxGradNorm = 1.5;
    e.optimizer.learningRate = 0.01;
    return e;
  }
  static std::shared_ptr<const StepRecord> stepOf(const Experiment& e) {
    Trainer trainer(e, smallData());
    return trainer.finishStep();
  }
};

void TestDpLint::aSoundRunPasses() {
  const Experiment e = sound();
  const auto record = stepOf(e);
  const auto findings = dpLint(e, *record);
  QCOMPARE(findings.size(), std::size_t{16});
  for (const LintFinding& finding : findings) {
    const bool isQuote = finding.check == "epsilon";
    QVERIFY2(finding.severity == (isQuote ? LintSeverity::Note : LintSeverity::Passed),
             (std::string(finding.check) + ": " + finding.text).c_str());
    QVERIFY(!finding.text.empty() && !finding.title.empty());
    QCOMPARE(finding.remedy.empty(), !isQuote);
  }
  QCOMPARE(gravest(findings), LintSeverity::Note);
  QVERIFY(of(findings, "epsilon").text.find("simulated") != std::string::npos);
}

void TestDpLint::beforeAPhaseNothingIsKnown() {
  const Experiment e = sound();
  Trainer trainer(e, smallData());
  // The settings alone say δ, and that no layer mixes examples; nothing is passed unseen.
  for (const LintFinding& finding : dpLint(e, *trainer.record())) {
    const bool isKnown = finding.check == "delta" || finding.check == "batch_norm" ||
                         finding.text == "C does not adapt.";
    QCOMPARE(finding.severity, isKnown ? LintSeverity::Passed : LintSeverity::Unknown);
  }
  const auto clipped = dpLint(e, *trainer.advanceTo(Phase::Clip));
  QCOMPARE(of(clipped, "clipped_share").severity, LintSeverity::Passed);
  QCOMPARE(of(clipped, "noise_scale").severity, LintSeverity::Unknown);
  QCOMPARE(of(clipped, "noise_scale").text, std::string("Known after phase Noise."));
}

void TestDpLint::whatIsMisset_data() {
  using Change = std::function<void(Experiment&)>;
  QTest::addColumn<Change>("change");
  QTest::addColumn<QString>("check");
  QTest::addColumn<int>("severity");
  QTest::addColumn<QString>("says");
  const auto row = [](const char* name, Change change, const char* check, LintSeverity severity,
                      const char* says) {
    QTest::newRow(name) << change << QString::fromLatin1(check) << static_cast<int>(severity)
                        << QString::fromUtf8(says);
  };
  row(
      "shuffled", [](Experiment& e) { e.sampling.scheme = SamplingScheme::Shuffled; }, "sampling",
      LintSeverity::Warning, "zeroed out");
  row(
      "fixed", [](Experiment& e) { e.sampling.scheme = SamplingScheme::Fixed; }, "sampling",
      LintSeverity::Warning, "fixed");
  row(
      "no clipping", [](Experiment& e) { e.clipping.strategy = "none"; }, "sensitivity",
      LintSeverity::Error, "any amount");
  row(
      "no sensitivity", [](Experiment& e) { e.clipping.strategy = "none"; }, "noise_scale",
      LintSeverity::Error, "no sensitivity");
  row(
      "private denominator",
      [](Experiment& e) {
        e.clipping.adaptive.enabled = true;
        e.clipping.adaptive.denominator = CountDenominator::Batch;
      },
      "count_denominator", LintSeverity::Error, "private");
  row(
      "its ε",
      [](Experiment& e) {
        e.clipping.adaptive.enabled = true;
        e.clipping.adaptive.denominator = CountDenominator::Batch;
      },
      "epsilon", LintSeverity::Error, "private denominator");
  row(
      "no noise", [](Experiment& e) { e.noise.noiseMultiplier = 0; }, "noise", LintSeverity::Error,
      "no privacy");
  row(
      "large delta", [](Experiment& e) { e.privacy.delta = 0.02; }, "delta", LintSeverity::Warning,
      "0.0111");
  row(
      "approximation", [](Experiment& e) { e.privacy.accountant = "gdp"; }, "epsilon",
      LintSeverity::Warning, "no guarantee");
  row(
      "everything clipped", [](Experiment& e) { e.clipping.maxGradNorm = 1e-4; }, "clipped_share",
      LintSeverity::Note, "100 %");
  row(
      "nothing clipped", [](Experiment& e) { e.clipping.maxGradNorm = 1e4; }, "clipped_share",
      LintSeverity::Warning, "no gradient has");
  row(
      "loud update", [](Experiment& e) { e.optimizer.learningRate = 5; }, "update_noise",
      LintSeverity::Warning, "drown");
  row(
      "Adam", [](Experiment& e) { e.optimizer.kind = "adam"; }, "update_noise",
      LintSeverity::Unknown, "weight by weight");
}

void TestDpLint::whatIsMisset() {
  using Change = std::function<void(Experiment&)>;
  QFETCH(Change, change);
  QFETCH(QString, check);
  QFETCH(int, severity);
  QFETCH(QString, says);
  Experiment e = sound();
  change(e);
  const auto findings = dpLint(e, *stepOf(e));
  const LintFinding& finding = of(findings, qPrintable(check));
  QVERIFY2(static_cast<int>(finding.severity) == severity, finding.text.c_str());
  QVERIFY2(finding.text.find(says.toStdString()) != std::string::npos, finding.text.c_str());
  if (finding.severity > LintSeverity::Note) QVERIFY(!finding.remedy.empty());
}

void TestDpLint::adaptiveThresholdAtItsEdge() {
  Experiment e = sound();
  e.clipping.adaptive.enabled = true;
  QCOMPARE(of(dpLint(e, *stepOf(e)), "threshold_edge").severity, LintSeverity::Passed);
  QCOMPARE(of(dpLint(e, *stepOf(e)), "adaptive_charge").severity, LintSeverity::Passed);
  // C wants to rise: the quantile asked for is far above it.
  e.clipping.maxGradNorm = 0.01;
  e.clipping.adaptive.targetQuantile = 1;
  e.clipping.adaptive.learningRate = 5;
  e.clipping.adaptive.maxThreshold = 0.02;
  const auto findings = dpLint(e, *stepOf(e));
  QCOMPARE(of(findings, "threshold_edge").severity, LintSeverity::Warning);
  QVERIFY(of(findings, "threshold_edge").text.find("greatest") != std::string::npos);
}

void TestDpLint::examplesThatAreNotFinite() {
  Experiment e = sound();
  Trainer trainer(e, smallData());
  auto record = std::make_shared<StepRecord>(*trainer.finishStep());
  auto norms = std::make_shared<NormsPart>(*record->norms);
  norms->nonFinite = {3};
  record->norms = norms;
  const auto findings = dpLint(e, *record);
  QCOMPARE(of(findings, "finite").severity, LintSeverity::Error);
  QVERIFY(of(findings, "finite").text.starts_with("1 example has"));
}

void TestDpLint::deadTensors() {
  // A relu that no input gets through: what is in front of it learns nothing.
  Experiment e = sound();
  e.model.spec = nlohmann::json::parse(R"({"layers": [
    {"type": "linear", "name": "fc1", "out": 13}, {"type": "relu"},
    {"type": "linear", "name": "fc2", "out": 3}]})");
  Trainer relu(e, smallData());
  Parameters stuck = relu.parameters();
  for (Index t = 0; t < relu.model().table().trainableCount(); ++t) {
    const ParameterInfo& info = relu.model().table().trainableInfo(t);
    if (info.name == "fc1.bias")
      for (Index j = 0; j < info.size(); ++j)
        stuck.trainable()[static_cast<std::size_t>(info.offset + j)] = -1000;
  }
  relu.setParameters(stuck);
  const auto findings = dpLint(e, *relu.finishStep());
  const LintFinding& finding = of(findings, "dead_tensors");
  QCOMPARE(finding.severity, LintSeverity::Warning);
  QVERIFY2(finding.text.starts_with("fc1.weight, fc1.bias, fc2.weight have"), finding.text.c_str());
  // A of a LoRA layer has none at the first step, and should at the second.
  auto record = std::make_shared<StepRecord>(*relu.record());
  auto info = std::make_shared<RunInfo>(*record->info);
  info->tensors = {"q.lora_A", "k.lora_A", "v.lora_A.weight", "head.bias"};
  record->info = info;
  QCOMPARE(of(dpLint(e, *record), "dead_tensors").severity, LintSeverity::Passed);
  record->step = 2;
  QCOMPARE(of(dpLint(e, *record), "dead_tensors").severity, LintSeverity::Warning);
}

void TestDpLint::aLayerThatDominates() {
  Experiment e = sound();
  Trainer trainer(e, smallData());
  Parameters tiny = trainer.parameters();
  // The first layer's gradient passes through the second's weights.
  for (Index t = 0; t < trainer.model().table().trainableCount(); ++t) {
    const ParameterInfo& info = trainer.model().table().trainableInfo(t);
    if (info.name == "fc2.weight")
      for (Index j = 0; j < info.size(); ++j)
        tiny.trainable()[static_cast<std::size_t>(info.offset + j)] *= 1e-3f;
  }
  trainer.setParameters(tiny);
  const auto record = trainer.finishStep();
  const auto findings = dpLint(e, *record);
  QCOMPARE(of(findings, "dominant_layer").severity, LintSeverity::Warning);
  QVERIFY(of(findings, "dominant_layer").text.starts_with("fc2 has"));
  e.clipping.grouping = GroupingKind::PerLayer;
  QCOMPARE(of(dpLint(e, *record), "dominant_layer").severity, LintSeverity::Passed);
}

void TestDpLint::sensitivityThatDoesNotHold() {
  const Experiment e = sound();
  auto record = std::make_shared<StepRecord>(*stepOf(e));
  auto clip = std::make_shared<ClipPart>(*record->clip);
  clip->worstContribution = 1.6;
  clip->sensitivityExceeded = true;
  record->clip = clip;
  auto noise = std::make_shared<NoisePart>(*record->noise);
  noise->effectiveSigma = 0.5;
  record->noise = noise;
  const auto findings = dpLint(e, *record);
  QCOMPARE(of(findings, "sensitivity").severity, LintSeverity::Error);
  QCOMPARE(of(findings, "noise_scale").severity, LintSeverity::Error);
  QVERIFY(of(findings, "noise_scale").text.find("worth 0.5") != std::string::npos);
}

void TestDpLint::chargedZ() {
  Experiment e = sound();
  e.clipping.adaptive.enabled = true;
  e.clipping.adaptive.countStd = 1;
  auto record = std::make_shared<StepRecord>(*stepOf(e));
  auto noise = std::make_shared<NoisePart>(*record->noise);
  noise->effectiveSigma = record->sample->gradientNoiseMultiplier;
  record->noise = noise;
  const auto findings = dpLint(e, *record);
  QCOMPARE(of(findings, "adaptive_charge").severity, LintSeverity::Error);
  QVERIFY(of(findings, "adaptive_charge").remedy.find("1.1") != std::string::npos);
}

void TestDpLint::withoutTables() {
  const Experiment e = sound();
  auto record = std::make_shared<StepRecord>(*stepOf(e));
  auto norms = std::make_shared<NormsPart>();
  record->norms = norms;
  for (const char* check : {"finite", "dead_tensors", "dominant_layer", "clipped_share"})
    QCOMPARE(of(dpLint(e, *record), check).severity, LintSeverity::Unknown);
}

void TestDpLint::secureRunsAreToBeQuoted() {
  Experiment e = sound();
  e.run.secureMode = true;
  const auto findings = dpLint(e, *stepOf(e));
  QCOMPARE(of(findings, "epsilon").severity, LintSeverity::Note);
  QVERIFY(of(findings, "epsilon").text.find("simulated") == std::string::npos);
}

/// What a recording of another library shows to be mis-set there.
void TestDpLint::anotherLibrarysRun() {
  const Experiment e = sound();
  const StepRecord own = *stepOf(e);
  LibraryRun library;
  library.library = "Opacus";
  library.mode = "flat";
  library.optimizerReduction = library.modelReduction = "mean";
  StepRecord record = own;
  auto account = std::make_shared<AccountPart>(*own.account);
  account->simulated = false;
  const auto look = [&](const Experiment& experiment) {
    auto info = std::make_shared<RunInfo>(*own.info);
    info->library = std::make_shared<LibraryRun>(library);
    record.info = info;
    record.account = account;
    return dpLint(experiment, record);
  };
  const auto is = [&](const std::vector<LintFinding>& findings, const char* check,
                      LintSeverity severity, const char* words) {
    const LintFinding& finding = of(findings, check);
    QVERIFY2(finding.severity == severity && finding.text.find(words) != std::string::npos,
             finding.text.c_str());
  };
  // Nothing mis-set: one check more, and nowhere to go to.
  auto findings = look(e);
  QCOMPARE(findings.size(), std::size_t{17});
  is(findings, "recorder", LintSeverity::Passed, "Opacus");
  is(findings, "denominator", LintSeverity::Passed, "constant B");
  for (const LintFinding& finding : findings) {
    QVERIFY(finding.setting.empty());
    QVERIFY2(finding.severity <= LintSeverity::Note, finding.text.c_str());
  }

  library.notes = {"rows are not told apart"};
  is(look(e), "recorder", LintSeverity::Warning, "Rows are not told apart.");
  library.optimizerReduction = "sum";
  is(look(e), "denominator", LintSeverity::Error, "of different scales");
  library.modelReduction = "sum";
  is(look(e), "denominator", LintSeverity::Note, "not divided");

  auto sample = std::make_shared<SamplePart>(*own.sample);
  sample->scheme = SamplingScheme::Shuffled;
  record.sample = sample;
  is(look(e), "sampling", LintSeverity::Error, "takes them for Poisson");

  // The counts of an adaptive C: σ = 1.1 in all, z handed over.
  Experiment adaptive = e;
  adaptive.clipping.adaptive.enabled = true;
  sample->gradientNoiseMultiplier = 1.14;
  is(look(adaptive), "adaptive_charge", LintSeverity::Error, "z = 1.14");

  auto noise = std::make_shared<NoisePart>(*own.noise);
  noise->effectiveSigma = 0.55;
  record.noise = noise;
  is(look(e), "noise_scale", LintSeverity::Error, "is charged 1.1");

  account->epsilon = NAN;
  is(look(e), "epsilon", LintSeverity::Unknown, "no ε");

  auto norms = std::make_shared<NormsPart>(*own.norms);
  norms->nonFinite = {0};
  record.norms = norms;
  is(look(e), "finite", LintSeverity::Error, "sums them like any other");

  // Batches whose tables were left out are not empty ones.
  sample->drawn = 30;
  sample->examples.clear();
  norms->norms.resize(0, norms->norms.tensors());
  is(look(e), "finite", LintSeverity::Unknown, "no norms of examples");
}

QTEST_GUILESS_MAIN(TestDpLint)
#include "test_dp_lint.moc"
