// SPDX-License-Identifier: GPL-3.0-or-later
#include <omp.h>

#include <QTest>
#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "engine/error.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// The Trainer as the window and the headless run drive it: one step is one step however it is cut,
/// and every number in a record is what its formula says.
class TestTrainer : public QObject {
  Q_OBJECT

 private slots:
  void phasesEqualWholeStep_data();
  void phasesEqualWholeStep();
  void equalSeedsEqualBits();
  void blockSizesAgree();
  void updateIsItsFormula();
  void clipPartIsItsFormulas();
  void noisePartIsItsFormulas();
  void recordsNeverChange();
  void emptyBatch();
  void cancelKeepsWhatIsDone();
  void changesHoldFromTheNextStep();
  void refusesWhatNeedsARestart();
  void resetStartsOver();
  void evaluation();
  void nonFiniteExampleIsLeftOut();
  void noNoiseAndNoClipping();
  void binaryCrossEntropy();
  void probeThroughResidualBlocks();
};

namespace {

bool sameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

bool sameParameters(const Trainer& a, const Trainer& b) {
  const auto x = a.parameters().flat(), y = b.parameters().flat();
  return x.size() == y.size() && std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0;
}

/// Everything a record holds but times.
void compareRecords(const StepRecord& a, const StepRecord& b) {
  QCOMPARE(a.step, b.step);
  QCOMPARE(a.sample->examples, b.sample->examples);
  QVERIFY(a.forward->losses == b.forward->losses);
  QVERIFY(a.forward->predictions == b.forward->predictions);
  QVERIFY(sameBits(a.forward->meanLoss, b.forward->meanLoss));
  QVERIFY(std::ranges::equal(a.norms->norms.values(), b.norms->norms.values(), sameBits));
  QVERIFY(sameBits(a.norms->q50, b.norms->q50) && sameBits(a.norms->max, b.norms->max));
  QVERIFY(sameBits(a.clip->signal, b.clip->signal));
  QVERIFY(sameBits(a.clip->biasRatio, b.clip->biasRatio) &&
          sameBits(a.clip->biasCosine, b.clip->biasCosine));
  QVERIFY(sameBits(a.clip->worstContribution, b.clip->worstContribution));
  QVERIFY(sameBits(a.noise->realised, b.noise->realised));
  QVERIFY(sameBits(a.update->updateNorm, b.update->updateNorm));
  QVERIFY(sameBits(a.account->epsilon, b.account->epsilon));
}

struct Setup {
  Experiment experiment;
  LoadedData data;
};

Setup setup(const QString& name) {
  const bool images = name.startsWith("images");
  Setup s{images ? imageExperiment() : smallExperiment(), images ? smallImages() : smallData()};
  if (name.startsWith("images, residual")) s.experiment = residualExperiment();
  if (name.endsWith("grouped")) {
    s.experiment.clipping.grouping = GroupingKind::PerLayer;
    s.experiment.clipping.thresholds = ThresholdRule::Median;
    s.experiment.noise.allocation = NoiseAllocation::LeastPower;
    s.experiment.optimizer.momentum = 0.9;
  }
  if (name.endsWith("automatic")) s.experiment.clipping.strategy = "auto_s";
  if (name.endsWith("recomputing")) s.experiment.run.memoryBudgetMiB = 0;
  if (name.endsWith("small blocks")) s.experiment.sampling.physicalBatchSize = 3;
  return s;
}

}  // namespace

void TestTrainer::phasesEqualWholeStep_data() {
  QTest::addColumn<QString>("name");
  for (const char* name :
       {"rows", "rows, grouped", "rows, automatic", "rows, recomputing", "rows, small blocks",
        "images", "images, grouped", "images, recomputing", "images, small blocks",
        "images, residual", "images, residual, grouped", "images, residual, recomputing"})
    QTest::newRow(name) << QString::fromUtf8(name);
}

void TestTrainer::phasesEqualWholeStep() {
  QFETCH(QString, name);
  const Setup s = setup(name);
  Trainer whole(s.experiment, s.data), phases(s.experiment, s.data), mixed(s.experiment, s.data);
  std::mt19937 random(2);
  for (int step = 0; step < 5; ++step) {
    const auto a = whole.finishStep();
    std::shared_ptr<const StepRecord> b, c;
    for (const Phase phase : allPhases) {
      b = phases.advanceTo(phase);
      QVERIFY(b->completed == phase);
    }
    Phase at = static_cast<Phase>(random() % 7);
    c = mixed.advanceTo(at);
    while (at != Phase::Account) {
      at = static_cast<Phase>(
          std::min<int>(7, static_cast<int>(at) + 1 + static_cast<int>(random() % 4)));
      c = mixed.advanceTo(at);
    }
    compareRecords(*a, *b);
    compareRecords(*a, *c);
    if (QTest::currentTestFailed()) return;
  }
  QVERIFY(sameParameters(whole, phases));
  QVERIFY(sameParameters(whole, mixed));
}

void TestTrainer::equalSeedsEqualBits() {
  for (const char* name : {"rows", "images"}) {
    Setup s = setup(name);
    Trainer a(s.experiment, s.data), b(s.experiment, s.data);
    for (int step = 0; step < 6; ++step) compareRecords(*a.finishStep(), *b.finishStep());
    QVERIFY(sameParameters(a, b));
    s.experiment.run.seed = 2;
    Trainer c(s.experiment, s.data);
    QVERIFY(c.finishStep()->sample->examples != a.record()->sample->examples);
  }
}

void TestTrainer::blockSizesAgree() {
  for (const char* name : {"rows", "images"}) {
    Setup s = setup(name);
    Trainer reference(s.experiment, s.data);
    for (int step = 0; step < 3; ++step) reference.finishStep();
    for (const Index physical : {1, 2, 5, 100}) {
      s.experiment.sampling.physicalBatchSize = physical;
      Trainer other(s.experiment, s.data);
      for (int step = 0; step < 3; ++step) other.finishStep();
      const auto x = reference.parameters().flat(), y = other.parameters().flat();
      for (std::size_t k = 0; k < x.size(); ++k)
        QVERIFY2(std::abs(x[k] - y[k]) <= 2e-6f,
                 qPrintable(QString("%1: block %2").arg(name).arg(physical)));
      const auto& n = reference.record()->norms->global;
      for (std::size_t i = 0; i < n.size(); ++i)
        QVERIFY(std::abs(n[i] - other.record()->norms->global[i]) <= 2e-6 * (n[i] + 1e-3));
    }
  }
}

void TestTrainer::updateIsItsFormula() {
  // θ ← θ − η (Σ f g + z)/B, with gradients formed in double by the probe and factors recomputed.
  Experiment e = smallExperiment();
  e.noise.noiseMultiplier = 0;
  e.clipping.maxGradNorm = 0.3;
  Trainer trainer(e, smallData());
  for (int step = 0; step < 3; ++step) {
    const std::vector<float> before(trainer.parameters().trainable().begin(),
                                    trainer.parameters().trainable().end());
    const auto record = trainer.finishStep();
    const auto probe = trainer.probe();
    const ParameterTable& table = trainer.model().table();
    std::vector<std::vector<double>> sum;
    for (const ParameterId id : table.trainable())
      sum.emplace_back(static_cast<std::size_t>(table[id].size()));
    for (Index i = 0; i < record->batchSize(); ++i) {
      const GradientSet g = probe->gradient(i);
      double squares = 0;
      for (const ParameterId id : table.trainable()) squares += g.norm(id) * g.norm(id);
      const double f = std::min(1.0, 0.3 / (std::sqrt(squares) + 1e-6));
      QVERIFY(std::abs(record->norms->global[static_cast<std::size_t>(i)] - std::sqrt(squares)) <=
              2e-6 * std::sqrt(squares));
      for (std::size_t t = 0; t < sum.size(); ++t)
        for (std::size_t k = 0; k < sum[t].size(); ++k) sum[t][k] += f * g[table.trainable()[t]][k];
    }
    for (std::size_t t = 0; t < sum.size(); ++t) {
      const ParameterInfo& info = table.trainableInfo(static_cast<Index>(t));
      for (std::size_t k = 0; k < sum[t].size(); ++k) {
        const std::size_t at = static_cast<std::size_t>(info.offset) + k;
        const double wanted = static_cast<double>(before[at]) - 0.25 * sum[t][k] / 17;
        QVERIFY(std::abs(static_cast<double>(trainer.parameters().trainable()[at]) - wanted) <
                1e-6);
      }
    }
  }
}

void TestTrainer::clipPartIsItsFormulas() {
  Experiment e = smallExperiment();
  // At the median, half are clipped.
  const double c = Trainer(e, smallData()).advanceTo(Phase::Norms)->norms->q50 * (1 + 1e-9);
  e.clipping.maxGradNorm = c;
  Trainer trainer(e, smallData());
  const auto record = trainer.advanceTo(Phase::Clip);
  const auto probe = trainer.probe();
  const ParameterTable& table = trainer.model().table();
  // s and u from gradients formed one by one in double.
  std::vector<double> s, u;
  double before = 0, after = 0, worst = 0;
  Index clipped = 0;
  for (Index i = 0; i < record->batchSize(); ++i) {
    const GradientSet g = probe->gradient(i);
    std::vector<double> flat;
    for (const ParameterId id : table.trainable())
      flat.insert(flat.end(), g[id].begin(), g[id].end());
    double squares = 0;
    for (const double v : flat) squares += v * v;
    const double n = std::sqrt(squares), f = std::min(1.0, c / (n + 1e-6));
    s.resize(flat.size());
    u.resize(flat.size());
    for (std::size_t k = 0; k < flat.size(); ++k) {
      s[k] += f * flat[k];
      u[k] += flat[k];
    }
    before += n;
    after += f * n;
    worst = std::max(worst, f * n);
    clipped += n > c;
  }
  double ss = 0, uu = 0, su = 0, dd = 0;
  for (std::size_t k = 0; k < s.size(); ++k) {
    ss += s[k] * s[k];
    uu += u[k] * u[k];
    su += s[k] * u[k];
    dd += (s[k] - u[k]) * (s[k] - u[k]);
  }
  const ClipPart& clip = *record->clip;
  const auto near = [](double got, double wanted) {
    return std::abs(got - wanted) <= 5e-6 * (std::abs(wanted) + 1e-3);
  };
  QVERIFY(near(clip.signal, std::sqrt(ss)));
  QVERIFY(near(clip.biasRatio, std::sqrt(dd / uu)));
  QVERIFY(near(clip.biasCosine, su / std::sqrt(ss * uu)));
  QVERIFY(std::abs(clip.biasScaleFree - std::sqrt(1 - su * su / (ss * uu))) < 1e-4);
  QVERIFY(near(clip.retainedNorm, after / before));
  QVERIFY(near(clip.worstContribution, worst));
  QCOMPARE(clip.clippedFraction,
           static_cast<double>(clipped) / static_cast<double>(record->batchSize()));
  QVERIFY(clip.clippedFraction > 0 && clip.clippedFraction < 1);  // else this test shows little
  QCOMPARE(clip.sensitivity, c);
  QVERIFY(!clip.sensitivityExceeded);
  double parts = 0;
  for (const double part : clip.tensorSignal) parts += part * part;
  QVERIFY(near(std::sqrt(parts), clip.signal));
  // The suggestion is where σ²C²d/B² + mean max(n − C, 0)² is least: no point of a grid is below
  // it.
  const auto error = [&](double bound) {
    double excess = 0;
    for (const double n : record->norms->global) excess += std::pow(std::max(n - bound, 0.0), 2);
    return std::pow(1.1 * bound / 17, 2) * static_cast<double>(record->info->dimension) +
           excess / static_cast<double>(record->batchSize());
  };
  const double least = error(clip.suggestedThreshold);
  for (double at = 0.001; at < 10; at *= 1.01) QVERIFY(error(at) >= least * (1 - 1e-9));
}

void TestTrainer::noisePartIsItsFormulas() {
  Experiment e = smallExperiment();
  e.clipping.grouping = GroupingKind::PerParameter;
  e.noise.allocation = NoiseAllocation::EqualBudget;
  Trainer trainer(e, smallData());
  const auto record = trainer.finishStep();
  const NoisePart& noise = *record->noise;
  const auto& sizes = record->info->sizes;
  double expected = 0;
  Index total = 0;
  for (std::size_t t = 0; t < sizes.size(); ++t) {
    const double s = 1.1 * std::sqrt(4.0) * record->clip->groups[t].threshold;
    QVERIFY(std::abs(noise.tensorStd[t] - s) < 1e-12);
    QVERIFY(std::abs(noise.tensorExpected[t] - s * std::sqrt(static_cast<double>(sizes[t]))) <
            1e-12);
    expected += s * s * static_cast<double>(sizes[t]);
    total += sizes[t];
    // ‖z‖/s is χ with d degrees of freedom: within 6 of its standard deviation 1/√2 (2e-9 a
    // tensor).
    QVERIFY(std::abs(noise.tensorRealised[t] / s - std::sqrt(static_cast<double>(sizes[t]))) <
            6 / std::sqrt(2.0) + 0.5);
  }
  QVERIFY(std::abs(noise.expected - std::sqrt(expected)) < 1e-9);
  QCOMPARE(noise.histogram.total(), total);
  QVERIFY(std::abs(noise.snr - record->clip->signal / noise.expected) < 1e-12);
  QVERIFY(std::abs(noise.snrRealised - record->clip->signal / noise.realised) < 1e-12);
  QVERIFY(std::abs(noise.effectiveSigma - 1.1) < 1e-9);
  QVERIFY(std::abs(record->update->updateNoise - 0.25 * noise.std / 17) < 1e-12);
}

void TestTrainer::recordsNeverChange() {
  Trainer trainer(smallExperiment(), smallData());
  std::vector<std::shared_ptr<const StepRecord>> held;
  std::vector<double> medians, epsilons;
  for (int step = 0; step < 10; ++step) {
    held.push_back(trainer.finishStep());
    medians.push_back(held.back()->norms->q50);
    epsilons.push_back(held.back()->account->epsilon);
  }
  for (std::size_t k = 0; k < held.size(); ++k) {
    QCOMPARE(held[k]->step, static_cast<Index>(k + 1));
    QVERIFY(sameBits(held[k]->norms->q50, medians[k]));
    QVERIFY(sameBits(held[k]->account->epsilon, epsilons[k]));
  }
  // Parts are shared between the records of one step.
  const auto forward = trainer.advanceTo(Phase::Forward), norms = trainer.advanceTo(Phase::Norms);
  QCOMPARE(forward->sample, norms->sample);
  QVERIFY(!forward->norms && norms->norms);
}

void TestTrainer::emptyBatch() {
  Experiment e = smallExperiment();
  e.sampling.sampleRate = 1e-9;
  Trainer trainer(e, smallData());
  const std::vector<float> before(trainer.parameters().flat().begin(),
                                  trainer.parameters().flat().end());
  const auto record = trainer.finishStep();
  QCOMPARE(record->batchSize(), Index{0});
  QVERIFY(std::isnan(record->forward->meanLoss) && std::isnan(record->norms->q50));
  QCOMPARE(record->clip->signal, 0.0);
  QVERIFY(std::isnan(record->clip->clippedFraction) && std::isnan(record->clip->biasRatio));
  QCOMPARE(record->noise->snr, 0.0);
  // Noise is added all the same: whether anyone was drawn is private too.
  QVERIFY(record->noise->realised > 0);
  QVERIFY(!std::ranges::equal(before, trainer.parameters().flat()));
  QCOMPARE(trainer.advanceTo(Phase::Clip)->batchSize(), Index{0});
  trainer.finishStep();
}

void TestTrainer::cancelKeepsWhatIsDone() {
  const Setup s = setup("images, small blocks");
  Trainer straight(s.experiment, s.data), stopped(s.experiment, s.data);
  straight.finishStep();
  stopped.advanceTo(Phase::Forward);
  std::stop_source stop;
  stop.request_stop();
  for (int k = 0; k < 3; ++k) {
    QVERIFY_EXCEPTION_THROWN(stopped.advanceTo(Phase::Norms, stop.get_token()), Cancelled);
    QVERIFY(stopped.record()->completed == Phase::Forward);
  }
  stopped.finishStep();
  compareRecords(*straight.record(), *stopped.record());
  QVERIFY(sameParameters(straight, stopped));
  QVERIFY_EXCEPTION_THROWN(stopped.finishStep(stop.get_token()), Cancelled);
  compareRecords(*straight.finishStep(), *stopped.finishStep());
}

void TestTrainer::changesHoldFromTheNextStep() {
  // Whatever phase a step has reached, a change leaves it alone and holds from the next one.
  Experiment changed = smallExperiment();
  changed.clipping.maxGradNorm = 0.01;
  changed.clipping.grouping = GroupingKind::PerLayer;
  changed.clipping.strategy = "auto_s";
  changed.noise.noiseMultiplier = 3;
  changed.noise.allocation = NoiseAllocation::LeastPower;
  changed.optimizer.learningRate = 0.5;
  changed.sampling.expectedBatchSize = 30;
  changed.privacy.delta = 1e-6;
  for (const Phase at : allPhases) {
    Trainer trainer(smallExperiment(), smallData()), twin(smallExperiment(), smallData());
    trainer.advanceTo(at);
    trainer.apply(changed);
    QVERIFY(trainer.experiment() == changed);
    if (at != Phase::Account) trainer.finishStep();
    compareRecords(*twin.finishStep(), *trainer.record());
    QCOMPARE(trainer.record()->clip->groups.size(), std::size_t{1});
    twin.apply(changed);
    compareRecords(*twin.finishStep(), *trainer.finishStep());
    const StepRecord& next = *trainer.record();
    QCOMPARE(next.clip->groups.size(), std::size_t{2});
    QVERIFY(std::abs(next.clip->maxGradNorm - 0.01) < 1e-15);
    QVERIFY(std::abs(next.noise->effectiveSigma - 3) < 1e-9);
    QCOMPARE(next.sample->expectedBatchSize, 30.0);
    QCOMPARE(next.update->learningRate, 0.5);
    QCOMPARE(next.account->delta, 1e-6);
    QVERIFY(sameParameters(trainer, twin));
  }
}

void TestTrainer::refusesWhatNeedsARestart() {
  const Experiment e = smallExperiment();
  Trainer trainer(e, smallData());
  trainer.finishStep();
  for (auto change : std::initializer_list<void (*)(Experiment&)>{
           [](Experiment& x) { x.run.seed = 9; }, [](Experiment& x) { x.data.testShare = 0.5; },
           [](Experiment& x) { x.model.preset = "mlp"; },
           [](Experiment& x) { x.clipping.maxGradNorm = 0; },
           [](Experiment& x) {
             x.clipping.grouping = GroupingKind::Custom;
             x.clipping.groups = {{"a", {"nope"}}};
           },
           [](Experiment& x) { x.sampling.expectedBatchSize = 1000; }}) {
    Experiment changed = e;
    change(changed);
    QVERIFY_EXCEPTION_THROWN(trainer.apply(changed), SettingError);
    QVERIFY(trainer.experiment() == e);
  }
  Trainer twin(e, smallData());
  twin.finishStep();
  compareRecords(*trainer.finishStep(), *twin.finishStep());
}

void TestTrainer::resetStartsOver() {
  Experiment e = smallExperiment();
  e.optimizer.momentum = 0.9;
  Trainer trainer(e, smallData()), fresh(e, smallData());
  for (int step = 0; step < 3; ++step) trainer.finishStep();
  trainer.advanceTo(Phase::Norms);
  trainer.reset();
  QCOMPARE(trainer.stepsDone(), Index{0});
  QVERIFY(!trainer.record()->completed);
  for (int step = 0; step < 3; ++step) compareRecords(*trainer.finishStep(), *fresh.finishStep());
  QVERIFY(sameParameters(trainer, fresh));
}

void TestTrainer::evaluation() {
  Experiment e = smallExperiment();
  e.noise.noiseMultiplier = 0;
  e.clipping.strategy = "none";
  Trainer trainer(e, smallData());
  QVERIFY(!trainer.evaluationDue());
  trainer.finishStep();
  QVERIFY(!trainer.evaluationDue());
  trainer.finishStep();
  QVERIFY(trainer.evaluationDue());
  const double before = trainer.evaluate()->evaluation->loss;
  for (int step = 0; step < 60; ++step) trainer.finishStep();
  const auto record = trainer.evaluate();
  QCOMPARE(record->evaluation->examples, Index{30});
  QVERIFY(record->evaluation->loss < before);
  QVERIFY(record->evaluation->accuracy > 0.7);
  QCOMPARE(record->step, Index{62});
}

void TestTrainer::nonFiniteExampleIsLeftOut() {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float poison : {infinity, std::numeric_limits<float>::quiet_NaN()})
    for (const char* strategy : {"threshold", "auto_s", "none"}) {
      LoadedData bad = smallData();
      Dataset::Content content;
      content.name = content.source = "x";
      content.shape = Shape{7};
      content.outputs = 3;
      std::vector<float> row(7);
      for (Index i = 0; i < bad.data->size(); ++i) {
        bad.data->gather(std::vector<Index>{i}, row.data());
        if (i == bad.train[4]) std::fill(row.begin(), row.end(), poison);
        content.rows.insert(content.rows.end(), row.begin(), row.end());
        content.labels.push_back(bad.data->label(i));
      }
      bad.data = std::make_shared<Dataset>(std::move(content));
      Experiment e = smallExperiment();
      e.model.spec =
          nlohmann::json::parse(R"({"layers": [{"type": "linear", "name": "fc1", "out": 13},
      {"type": "relu"}, {"type": "linear", "name": "fc2", "out": 3}]})");
      e.sampling.sampleRate = 1;
      e.noise.noiseMultiplier = 0;
      e.clipping.strategy = strategy;
      Trainer trainer(e, bad);
      const auto record = trainer.finishStep();
      QCOMPARE(record->norms->nonFinite, (std::vector<Index>{4}));
      QVERIFY(!record->clip->factors.finite(4));
      QVERIFY(record->clip->factors.clipped(4));
      QVERIFY(std::isfinite(record->clip->signal) && std::isfinite(record->norms->max));
      // The same as if it were not there.
      LoadedData without = bad;
      without.train.erase(without.train.begin() + 4);
      e.sampling.sampleRate = 0;
      e.sampling.expectedBatchSize = 89;
      Trainer other(e, without);
      const auto clean = other.finishStep();
      QVERIFY(std::abs(clean->clip->signal - record->clip->signal) <= 2e-6 * clean->clip->signal);
      for (const float v : trainer.parameters().flat()) QVERIFY(std::isfinite(v));
    }
}

void TestTrainer::noNoiseAndNoClipping() {
  Experiment e = smallExperiment();
  e.noise.noiseMultiplier = 0;
  Trainer quiet(e, smallData());
  auto record = quiet.finishStep();
  QVERIFY(std::isinf(record->account->epsilon) && std::isinf(record->noise->snr));
  QCOMPARE(record->noise->realised, 0.0);
  e.noise.noiseMultiplier = 1;
  e.clipping.strategy = "none";
  Trainer free(e, smallData());
  record = free.finishStep();
  QVERIFY(std::isinf(record->clip->sensitivity) && std::isinf(record->account->epsilon));
  QVERIFY(std::abs(record->clip->biasCosine - 1) < 1e-9);
  QCOMPARE(record->clip->factors.overallFactor(0), 1.0);
}

void TestTrainer::binaryCrossEntropy() {
  Dataset::Content content;
  content.name = content.source = "two clouds";
  content.shape = Shape{5};
  content.outputs = 2;
  content.classNames = {"no", "yes"};
  std::mt19937_64 random(4);
  std::normal_distribution<float> normal;
  for (int i = 0; i < 200; ++i) {
    content.labels.push_back(i % 2);
    for (int k = 0; k < 5; ++k) content.rows.push_back(normal(random) + (i % 2 ? 2.0f : -2.0f));
  }
  LoadedData loaded;
  loaded.data = std::make_shared<Dataset>(content);
  splitDataset(200, 0.25, 1, loaded.train, loaded.test);
  Experiment e = smallExperiment();
  e.model.spec = nlohmann::json::parse(
      R"({"layers": [{"type": "linear", "out": 1}], "loss": "bce_with_logits"})");
  e.noise.noiseMultiplier = 0.5;
  e.run.evaluateEvery = 30;
  Trainer trainer(e, loaded);
  std::shared_ptr<const StepRecord> record;
  for (int step = 0; step < 30; ++step) {
    record = trainer.finishStep();
    for (const int prediction : record->forward->predictions)
      QVERIFY(prediction == 0 || prediction == 1);
  }
  // Centres 4√5 deviations apart: all but one in 10⁵ lie on their own side.
  QVERIFY(trainer.evaluate({})->evaluation->accuracy > 0.95);

  content.labels.clear();
  content.outputs = 1;
  for (int i = 0; i < 200; ++i) content.targets.push_back(static_cast<float>(i) / 199.0f);
  loaded.data = std::make_shared<Dataset>(content);
  QCOMPARE(Trainer(e, loaded).finishStep()->forward->predictions.empty(), false);
  content.targets[7] = 1.5f;
  loaded.data = std::make_shared<Dataset>(content);
  QVERIFY_THROWS_EXCEPTION(SpecError, Trainer(e, loaded));
}

void TestTrainer::probeThroughResidualBlocks() {
  const Setup s = setup("images, residual");
  Trainer trainer(s.experiment, s.data);
  trainer.finishStep();
  const auto record = trainer.advanceTo(Phase::Norms);
  const auto probe = trainer.probe();
  const Index rows = static_cast<Index>(record->sample->examples.size());
  QVERIFY(rows > 0);
  for (Index row = 0; row < rows; ++row) {
    const GradientSet gradient = probe->gradient(row);
    const std::vector<double> formed = probe->formedNorms(row);
    for (Index t = 0; t < gradient.table().trainableCount(); ++t) {
      const ParameterId id = gradient.table().trainable()[static_cast<std::size_t>(t)];
      const double norm = record->norms->norms.at(row, t);
      const double whole = record->norms->norms.globalNorm(row);
      QVERIFY(std::abs(gradient.norm(id) - norm) <= 1e-5 * whole);
      QVERIFY(std::abs(formed[static_cast<std::size_t>(t)] - norm) <= 1e-5 * whole);
    }
  }
}

QTEST_GUILESS_MAIN(TestTrainer)
#include "test_trainer.moc"
