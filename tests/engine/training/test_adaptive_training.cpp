// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "engine/error.h"
#include "engine/tensor/philox.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// The adaptive threshold inside a step: the step uses the old C, the noise is z, the account is
/// charged σ.
class TestAdaptiveTraining : public QObject {
  Q_OBJECT

 private slots:
  void aStepUsesTheOldThreshold();
  void sigmaIsChargedAndNotZ();
  void eachGroupFollowsItsOwnCount();
  void aPrivateDenominatorHasNoEpsilon();
  void emptyBatches();
  void phasesAndReplayGiveTheSameBits();
  void changesOfTheStartStartAnew();
  void refusesCountsThatSpendSigma();
};

namespace {

Experiment adaptive() {
  Experiment e = smallExperiment();
  e.clipping.adaptive.enabled = true;
  e.clipping.adaptive.countStd = 2;
  e.clipping.adaptive.learningRate = 0.5;
  return e;
}

}  // namespace

void TestAdaptiveTraining::aStepUsesTheOldThreshold() {
  const Experiment e = adaptive();
  Trainer trainer(e, smallData());
  const double z = std::pow(1 / (1.1 * 1.1) - 1 / 16.0, -0.5);
  double c = 1;
  for (std::uint64_t step = 0; step < 6; ++step) {
    const auto record = trainer.finishStep();
    QVERIFY(std::abs(record->clip->maxGradNorm - c) < 1e-12 * c);
    QVERIFY(std::abs(record->sample->gradientNoiseMultiplier - z) < 1e-12);
    QVERIFY(std::abs(record->noise->std - z * c) < 1e-9);
    QVERIFY(record->clip->worstContribution <= c * (1 + 1e-5));
    QCOMPARE(record->noise->adaptive.size(), std::size_t{1});
    const AdaptiveResult& result = record->noise->adaptive.front();
    Index unclipped = 0;
    for (const double n : record->norms->global) unclipped += n <= c;
    QCOMPARE(result.unclipped, unclipped);
    // The noise on the count is a stream of its own.
    RandomStream stream({1, DrawPurpose::Count, step, 0});
    const double fraction =
        0.5 + (static_cast<double>(unclipped) - 0.5 * static_cast<double>(record->batchSize()) +
               2 * stream.normal()) /
                  17;
    QVERIFY(std::abs(result.noisyFraction - fraction) < 1e-12);
    c *= std::exp(-0.5 * (fraction - 0.5));
    QVERIFY(std::abs(record->noise->nextMaxGradNorm - c) < 1e-12 * c);
  }
}

void TestAdaptiveTraining::sigmaIsChargedAndNotZ() {
  Trainer trainer(adaptive(), smallData()), plain(smallExperiment(), smallData());
  for (int step = 0; step < 4; ++step) {
    const auto record = trainer.finishStep(), other = plain.finishStep();
    // K_b/(4σ_b²) makes up what z leaves out.
    QVERIFY(std::abs(record->noise->effectiveSigma - 1.1) < 1e-9);
    QCOMPARE(record->account->epsilon, other->account->epsilon);
    QVERIFY(record->account->isValid());
  }
}

void TestAdaptiveTraining::eachGroupFollowsItsOwnCount() {
  Experiment e = adaptive();
  e.clipping.grouping = GroupingKind::PerParameter;
  e.clipping.adaptive.countStd = 4;
  e.noise.allocation = NoiseAllocation::EqualBudget;
  Trainer trainer(e, smallData());
  std::vector<double> c(4, 0.5);
  for (int step = 0; step < 4; ++step) {
    const auto record = trainer.finishStep();
    QVERIFY(std::abs(record->noise->effectiveSigma - 1.1) < 1e-9);
    QCOMPARE(record->noise->adaptive.size(), std::size_t{4});
    double squares = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      QVERIFY(std::abs(record->clip->groups[k].threshold - c[k]) < 1e-12);
      Index unclipped = 0;
      for (Index i = 0; i < record->batchSize(); ++i)
        unclipped += record->norms->norms.at(i, static_cast<Index>(k)) <= c[k];
      QCOMPARE(record->noise->adaptive[k].unclipped, unclipped);
      c[k] = record->noise->adaptive[k].after;
      squares += c[k] * c[k];
    }
    QVERIFY(c[0] != c[1]);
    QVERIFY(std::abs(record->noise->nextMaxGradNorm - std::sqrt(squares)) < 1e-12);
  }
}

void TestAdaptiveTraining::aPrivateDenominatorHasNoEpsilon() {
  Experiment e = adaptive();
  e.clipping.adaptive.denominator = CountDenominator::Batch;
  Trainer trainer(e, smallData());
  auto record = trainer.finishStep();
  QVERIFY(!record->account->isValid());
  QCOMPARE(std::string(record->account->invalidBecause), "private denominator");
  // What was released stays released.
  e.clipping.adaptive.enabled = false;
  trainer.apply(e);
  QVERIFY(!trainer.finishStep()->account->isValid());
  trainer.reset();
  QVERIFY(trainer.finishStep()->account->isValid());
}

void TestAdaptiveTraining::emptyBatches() {
  for (const auto denominator : {CountDenominator::Expected, CountDenominator::Batch}) {
    Experiment e = adaptive();
    e.sampling.sampleRate = 1e-9;
    e.clipping.adaptive.denominator = denominator;
    e.clipping.adaptive.maxThreshold = 3;
    Trainer trainer(e, smallData());
    const auto record = trainer.finishStep();
    QCOMPARE(record->batchSize(), Index{0});
    const AdaptiveResult& result = record->noise->adaptive.front();
    QCOMPARE(result.skipped, denominator == CountDenominator::Batch);
    QVERIFY(result.skipped ? result.after == 1 : result.after != 1);
    QVERIFY(result.after >= 1e-6 && result.after <= 3);
    trainer.finishStep();
  }
}

void TestAdaptiveTraining::phasesAndReplayGiveTheSameBits() {
  Trainer whole(adaptive(), smallData()), cut(adaptive(), smallData());
  for (int step = 0; step < 4; ++step) {
    for (const Phase phase : allPhases) cut.advanceTo(phase);
    QCOMPARE(whole.finishStep()->noise->nextMaxGradNorm, cut.record()->noise->nextMaxGradNorm);
  }
  QVERIFY(std::ranges::equal(whole.parameters().flat(), cut.parameters().flat()));
  const double reached = whole.record()->noise->nextMaxGradNorm;
  const auto kept = whole.checkpoint();
  const double after = whole.finishStep()->noise->nextMaxGradNorm;
  whole.restore(*kept);
  QCOMPARE(whole.finishStep()->noise->nextMaxGradNorm, after);
  whole.reset();
  for (int step = 0; step < 4; ++step) whole.finishStep();
  QCOMPARE(whole.record()->noise->nextMaxGradNorm, reached);
}

void TestAdaptiveTraining::changesOfTheStartStartAnew() {
  Experiment e = adaptive();
  Trainer trainer(e, smallData());
  const double reached = trainer.finishStep()->noise->nextMaxGradNorm;
  e.clipping.adaptive.targetQuantile = 0.9;  // goes on from where C is
  trainer.apply(e);
  QCOMPARE(trainer.finishStep()->clip->maxGradNorm, reached);
  e.clipping.maxGradNorm = 2.5;
  trainer.apply(e);
  QCOMPARE(trainer.finishStep()->clip->maxGradNorm, 2.5);
  e.clipping.grouping = GroupingKind::PerLayer;
  trainer.apply(e);
  QVERIFY(std::abs(trainer.finishStep()->clip->maxGradNorm - 2.5) < 1e-12);
}

void TestAdaptiveTraining::refusesCountsThatSpendSigma() {
  Experiment e = adaptive();
  e.clipping.adaptive.countStd = 0.55;
  QVERIFY_EXCEPTION_THROWN(Trainer(e, smallData()), SettingError);
  e = adaptive();
  Trainer trainer(e, smallData());
  e.clipping.grouping = GroupingKind::PerParameter;  // 2·1/√4 = 1 < 1.1
  e.clipping.adaptive.countStd = 1;
  QVERIFY_EXCEPTION_THROWN(trainer.apply(e), SettingError);
  // A σ that grows past the limit stops the step and leaves the run as it was.
  e = adaptive();
  e.schedules.noiseMultiplier.kind = ScheduleKind::Exponential;
  e.schedules.noiseMultiplier.gamma = 2;
  Trainer growing(e, smallData());
  growing.finishStep();
  growing.finishStep();  // 2.2 of 4
  QVERIFY_EXCEPTION_THROWN(growing.finishStep(), SettingError);
  QCOMPARE(growing.stepsDone(), Index{2});
  e.schedules.noiseMultiplier.gamma = 1;
  growing.apply(e);
  QCOMPARE(growing.finishStep()->step, Index{3});
}

QTEST_GUILESS_MAIN(TestAdaptiveTraining)
#include "test_adaptive_training.moc"
