// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <set>

#include "engine/accounting/accountant.h"
#include "engine/error.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Batches that are no Poisson samples, the ε that holds for them, and logical batches in physical
/// pieces.
class TestSampling : public QObject {
  Q_OBJECT

 private slots:
  void shuffledEpochs();
  void shuffledCostsOneGaussianAnEpoch();
  void anEpochCostsItsDearestStep();
  void fixedBatches();
  void changesInMidRun();
  void changedBatchesBeginAnotherEpoch();
  void replayIsExact();
  void checkpointsKeepTheEpoch();
  void refusesMoreThanThereIs();
  void physicalBatchesAgree_data();
  void physicalBatchesAgree();
};

namespace {

/// 90 training examples.
Experiment with(SamplingScheme scheme, double batch) {
  Experiment e = smallExperiment();
  e.sampling.scheme = scheme;
  e.sampling.expectedBatchSize = batch;
  return e;
}

double gaussianEpsilon(std::initializer_list<std::pair<double, int>> sigmas) {
  const auto accountant = makeAccountant("rdp-opacus");
  for (const auto& [sigma, times] : sigmas) accountant->add(sigma, 1, times);
  return accountant->epsilon(1e-5);
}

bool near(double a, double b) { return std::abs(a - b) <= 1e-12 * std::abs(b); }

}  // namespace

void TestSampling::shuffledEpochs() {
  Trainer trainer(with(SamplingScheme::Shuffled, 20), smallData());
  const auto& train = trainer.data().train;
  std::set<std::vector<Index>> first;
  for (Index epoch = 0; epoch < 3; ++epoch) {
    std::set<Index> seen;
    for (int batch = 0; batch < 4; ++batch) {
      const auto record = trainer.finishStep();
      QCOMPARE(record->batchSize(), Index{20});
      QCOMPARE(record->sample->epoch, epoch);
      QCOMPARE(record->sample->expectedBatchSize, 20.0);
      QCOMPARE(record->sample->sampleRate, 20.0 / 90);
      for (const Index example : record->sample->examples) {
        QVERIFY(std::ranges::count(train, example) == 1);
        seen.insert(example);
      }
      if (batch == 0) first.insert(record->sample->examples);
    }
    QCOMPARE(seen.size(), std::size_t{80});  // disjoint; ten sit the epoch out
  }
  QCOMPARE(first.size(), std::size_t{3});
}

void TestSampling::shuffledCostsOneGaussianAnEpoch() {
  Trainer trainer(with(SamplingScheme::Shuffled, 30), smallData());
  for (int step = 0; step < 7; ++step) {
    const auto record = trainer.finishStep();
    QVERIFY(near(record->account->epsilon, gaussianEpsilon({{1.1, 1 + step / 3}})));
    QVERIFY(record->account->sampling == AccountedSampling::Shuffled);
    QCOMPARE(std::string(neighboursName(record->account->sampling)), "zero_out");
    QVERIFY(record->account->isValid());
  }
}

void TestSampling::anEpochCostsItsDearestStep() {
  Experiment e = with(SamplingScheme::Shuffled, 30);
  e.schedules.noiseMultiplier.kind = ScheduleKind::Table;
  e.schedules.noiseMultiplier.values = {2, 0.9, 1.5, 1, 3, 4, 5};
  Trainer trainer(e, smallData());
  const double wanted[] = {gaussianEpsilon({{2, 1}}),
                           gaussianEpsilon({{0.9, 1}}),
                           gaussianEpsilon({{0.9, 1}}),
                           gaussianEpsilon({{0.9, 1}, {1, 1}}),
                           gaussianEpsilon({{0.9, 1}, {1, 1}}),
                           gaussianEpsilon({{0.9, 1}, {1, 1}}),
                           gaussianEpsilon({{0.9, 1}, {1, 1}, {5, 1}})};
  for (const double epsilon : wanted)
    QVERIFY(near(trainer.finishStep()->account->epsilon, epsilon));
}

void TestSampling::fixedBatches() {
  Trainer part(with(SamplingScheme::Fixed, 25), smallData());
  const auto first = part.finishStep()->sample->examples;
  QCOMPARE(first.size(), std::size_t{25});
  for (int step = 2; step < 5; ++step) {
    const auto record = part.finishStep();
    QCOMPARE(record->sample->examples, first);
    // q = 1 at each step, whatever share of the data the batch is.
    QVERIFY(near(record->account->epsilon, gaussianEpsilon({{1.1, step}})));
    QVERIFY(record->account->sampling == AccountedSampling::Fixed);
  }
  Trainer full(with(SamplingScheme::Fixed, 90), smallData());
  auto all = full.data().train;
  std::ranges::sort(all);
  QCOMPARE(full.finishStep()->sample->examples, all);
}

void TestSampling::changesInMidRun() {
  Experiment e = with(SamplingScheme::Poisson, 30);
  Trainer trainer(e, smallData());
  auto record = trainer.finishStep();
  QVERIFY(record->account->sampling == AccountedSampling::Poisson);
  QCOMPARE(std::string(neighboursName(record->account->sampling)), "add_remove");
  e.sampling.scheme = SamplingScheme::Shuffled;
  trainer.apply(e);
  for (int step = 0; step < 4; ++step) record = trainer.finishStep();
  QVERIFY(record->account->sampling == AccountedSampling::Mixed);
  // One Poisson step and two epochs started.
  const auto accountant = makeAccountant("rdp-opacus");
  accountant->add(1.1, 30.0 / 90, 1);
  accountant->add(1.1, 1, 2);
  QVERIFY(near(record->account->epsilon, accountant->epsilon(1e-5)));
  QCOMPARE(record->sample->epoch, Index{1});
}

void TestSampling::changedBatchesBeginAnotherEpoch() {
  Experiment e = with(SamplingScheme::Shuffled, 30);
  Trainer trainer(e, smallData());
  for (int step = 0; step < 4; ++step) trainer.finishStep();  // into epoch 1
  e.sampling.expectedBatchSize = 45;
  trainer.apply(e);
  auto record = trainer.finishStep();
  QCOMPARE(record->sample->epoch, Index{2});
  QVERIFY(near(record->account->epsilon, gaussianEpsilon({{1.1, 3}})));
  // Another setting leaves the epoch alone.
  e.optimizer.learningRate = 0.1;
  trainer.apply(e);
  record = trainer.finishStep();
  QCOMPARE(record->sample->epoch, Index{2});
  QVERIFY(near(record->account->epsilon, gaussianEpsilon({{1.1, 3}})));
  QCOMPARE(trainer.finishStep()->sample->epoch, Index{3});
}

void TestSampling::replayIsExact() {
  for (const auto scheme : {SamplingScheme::Shuffled, SamplingScheme::Fixed}) {
    Trainer a(with(scheme, 30), smallData()), b(with(scheme, 30), smallData());
    std::vector<std::vector<Index>> batches;
    for (int step = 0; step < 5; ++step) batches.push_back(a.finishStep()->sample->examples);
    a.reset();
    for (int step = 0; step < 5; ++step) {
      QCOMPARE(a.finishStep()->sample->examples, batches[static_cast<std::size_t>(step)]);
      for (const Phase phase : allPhases) b.advanceTo(phase);
      QCOMPARE(b.record()->sample->examples, batches[static_cast<std::size_t>(step)]);
    }
    QVERIFY(std::ranges::equal(a.parameters().flat(), b.parameters().flat()));
  }
}

void TestSampling::checkpointsKeepTheEpoch() {
  // From the middle of an epoch that began with a change of the batch: order, place and charge.
  Experiment e = with(SamplingScheme::Shuffled, 30);
  e.schedules.noiseMultiplier.kind = ScheduleKind::Exponential;
  e.schedules.noiseMultiplier.gamma = 0.95;
  Trainer trainer(e, smallData());
  for (int step = 0; step < 4; ++step) trainer.finishStep();
  e.sampling.expectedBatchSize = 20;
  trainer.apply(e);
  for (int step = 0; step < 2; ++step) trainer.finishStep();
  const auto kept = trainer.checkpoint();
  std::vector<std::vector<Index>> batches;
  std::vector<double> epsilons;
  for (int step = 0; step < 6; ++step) {
    const auto record = trainer.finishStep();
    batches.push_back(record->sample->examples);
    epsilons.push_back(record->account->epsilon);
  }
  trainer.restore(*kept);
  for (std::size_t step = 0; step < 6; ++step) {
    const auto record = trainer.finishStep();
    QCOMPARE(record->sample->examples, batches[step]);
    QCOMPARE(record->account->epsilon, epsilons[step]);
  }
}

void TestSampling::refusesMoreThanThereIs() {
  for (const auto scheme :
       {SamplingScheme::Poisson, SamplingScheme::Shuffled, SamplingScheme::Fixed})
    QVERIFY_EXCEPTION_THROWN(Trainer(with(scheme, 91), smallData()), SettingError);
  // A rate gives a whole number of examples, and never none.
  Experiment e = with(SamplingScheme::Shuffled, 30);
  e.sampling.sampleRate = 1e-4;
  Trainer trainer(e, smallData());
  QCOMPARE(trainer.finishStep()->batchSize(), Index{1});
}

void TestSampling::physicalBatchesAgree_data() {
  QTest::addColumn<bool>("images");
  QTest::newRow("rows") << false;
  QTest::newRow("images") << true;
}

void TestSampling::physicalBatchesAgree() {
  QFETCH(bool, images);
  const auto make = [&](Index physical) {
    Experiment e = images ? imageExperiment() : smallExperiment();
    e.sampling.physicalBatchSize = physical;
    e.clipping.adaptive.enabled = true;
    return std::make_unique<Trainer>(e, images ? smallImages() : smallData());
  };
  const auto whole = make(0);
  whole->finishStep();
  const StepRecord& wanted = *whole->record();
  for (const Index physical : {1, 3, 7, 1000}) {
    const auto split = make(physical);
    QVERIFY(split->model().plan().rows <= physical);
    const auto record = split->finishStep();
    // Noise once a logical batch: the same draw, to the bit, however many pieces there are.
    QCOMPARE(record->noise->realised, wanted.noise->realised);
    QCOMPARE(record->noise->nextMaxGradNorm, wanted.noise->nextMaxGradNorm);
    QCOMPARE(record->account->epsilon, wanted.account->epsilon);
    QVERIFY(std::abs(record->clip->signal - wanted.clip->signal) <= 2e-6 * wanted.clip->signal);
    const auto a = split->parameters().flat(), b = whole->parameters().flat();
    for (std::size_t k = 0; k < a.size(); ++k) QVERIFY(std::abs(a[k] - b[k]) <= 2e-6f);
  }
}

QTEST_GUILESS_MAIN(TestSampling)
#include "test_sampling.moc"
