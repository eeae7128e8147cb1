// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"
#include "ui/plots/number_format.h"
#include "ui/window/phase_sentence.h"

using namespace clipscope;
using namespace clipscope::test;

/// The sentence of every phase: what it did, with this batch's numbers, and what comes next.
class TestPhaseSentence : public QObject {
  Q_OBJECT

 private slots:
  void everyPhaseSaysItsNumbers();
  void anEmptyBatchIsSaidInEveryPhase();
  void silenceAndInfiniteEpsilon();
  void rulesOfEveryKind();
  void whatIsNotFinite();

 private:
  static QString at(Trainer& trainer, Phase phase) {
    return phaseSentence(*trainer.advanceTo(phase));
  }
};

// The text is made once: making it may advance the trainer.
#define HAS(text, part)                              \
  do {                                               \
    const QString said = (text);                     \
    QVERIFY2(said.contains(part), qPrintable(said)); \
  } while (false)

void TestPhaseSentence::everyPhaseSaysItsNumbers() {
  Trainer trainer(smallExperiment(), smallData());
  HAS(phaseSentence(*trainer.record()), "Space runs the next phase");
  const auto number = [](double value) { return shortNumber(value, 3); };
  QString text = at(trainer, Phase::Sample);
  const auto count = trainer.record()->batchSize();
  HAS(text, QString("%1 examples drawn").arg(count));
  HAS(text, "17.0 were expected");
  HAS(text, "Next: the forward pass");
  text = at(trainer, Phase::Forward);
  HAS(text, "mean loss " + shortNumber(trainer.record()->forward->meanLoss));
  Index right = 0;
  for (Index i = 0; i < count; ++i)
    right += trainer.record()->forward->predictions[static_cast<std::size_t>(i)] ==
             trainer.record()->sample->labels[static_cast<std::size_t>(i)];
  HAS(text, QString("%1 of them predicted right").arg(right));
  HAS(text, "Next: each example's own gradient");
  text = at(trainer, Phase::Backward);
  HAS(text, QString("%1 gradients").arg(count));
  HAS(text, "Next: their norms");
  text = at(trainer, Phase::Norms);
  HAS(text, "median ‖g‖ " + number(trainer.record()->norms->q50));
  HAS(text, "largest " + number(trainer.record()->norms->max));
  HAS(text, "Next: clipping");
  text = at(trainer, Phase::Clip);
  Index clipped = 0;
  for (const double n : trainer.record()->norms->global) clipped += n > 1;
  HAS(text, QString("%1 of %2 gradients scaled down to C = 1.00").arg(clipped).arg(count));
  HAS(text, "Next: noise, σC = 1.10 on each of 146 coordinates");
  text = at(trainer, Phase::Noise);
  HAS(text, "‖z‖ = " + number(trainer.record()->noise->realised));
  HAS(text, "SNR " + number(trainer.record()->noise->snrRealised));
  HAS(text, "Next: the update");
  text = at(trainer, Phase::Update);
  HAS(text, number(trainer.record()->update->updateNorm));
  HAS(text, "Next: the account");
  text = at(trainer, Phase::Account);
  HAS(text, "Step 1 done: ε " + number(trainer.record()->account->epsilon));
  HAS(text, "(simulated)");
  HAS(text, "Next: a new batch");
  trainer.evaluate();
  HAS(phaseSentence(*trainer.record()),
      "Test accuracy " + percent(trainer.record()->evaluation->accuracy));
}

void TestPhaseSentence::anEmptyBatchIsSaidInEveryPhase() {
  Experiment e = smallExperiment();
  e.sampling.sampleRate = 1e-9;
  Trainer trainer(e, smallData());
  HAS(at(trainer, Phase::Sample), "the batch is empty");
  HAS(at(trainer, Phase::Forward), "no example");
  HAS(at(trainer, Phase::Backward), "no example");
  HAS(at(trainer, Phase::Norms), "no example");
  HAS(at(trainer, Phase::Clip), "the clipped sum is 0");
  HAS(at(trainer, Phase::Noise), "no signal at all");
  for (const Phase phase : {Phase::Update, Phase::Account}) {
    const QString text = at(trainer, phase);
    HAS(text, "Next:");
    QVERIFY(!text.contains("nan") && !text.contains("–"));
  }
}

void TestPhaseSentence::silenceAndInfiniteEpsilon() {
  Experiment e = smallExperiment();
  e.noise.noiseMultiplier = 0;
  Trainer trainer(e, smallData());
  HAS(at(trainer, Phase::Clip), "Next: no noise, since σ = 0");
  HAS(at(trainer, Phase::Noise), "σ = 0");
  HAS(at(trainer, Phase::Account), "ε is ∞");
}

void TestPhaseSentence::rulesOfEveryKind() {
  Experiment e = smallExperiment();
  for (const char* rule : {"auto_s", "auto_v", "normalised", "psac"}) {
    e.clipping.strategy = rule;
    Trainer trainer(e, smallData());
    const QString text = at(trainer, Phase::Clip);
    HAS(text, "brought near length C");
    HAS(text, percent(trainer.record()->clip->aboveOneFraction));
    QVERIFY(!text.contains("clipped"));
  }
  e.clipping.strategy = "none";
  Trainer none(e, smallData());
  HAS(at(none, Phase::Clip), "nothing is clipped");
  HAS(at(none, Phase::Account), "ε is ∞");
  e.clipping.strategy = "global";
  Trainer global(e, smallData());
  const QString text = at(global, Phase::Clip);
  Index dropped = 0;
  for (const double n : global.record()->norms->global) dropped += n > 1;
  HAS(text, QString("%1 of %2 gradients too long and dropped")
                .arg(dropped)
                .arg(global.record()->batchSize()));
  e.clipping.strategy = "threshold";
  e.clipping.grouping = GroupingKind::PerLayer;
  Trainer grouped(e, smallData());
  HAS(at(grouped, Phase::Clip), "the thresholds of 2 groups (√ΣC² = 1.00)");
  HAS(phaseSentence(*grouped.record()), "its std by group");
}

void TestPhaseSentence::whatIsNotFinite() {
  Trainer trainer(smallExperiment(), smallData());
  Parameters broken = trainer.parameters();
  broken[broken.table().find("fc2.bias")][0] = INFINITY;
  trainer.setParameters(broken);
  HAS(at(trainer, Phase::Norms), "no gradient is finite");
  HAS(at(trainer, Phase::Clip), "not finite, left out");
  // One of many, in a record made by hand.
  Trainer whole(smallExperiment(), smallData());
  auto record = std::make_shared<StepRecord>(*whole.advanceTo(Phase::Norms));
  auto norms = std::make_shared<NormsPart>(*record->norms);
  norms->nonFinite = {2};
  record->norms = norms;
  HAS(phaseSentence(*record), "1 example not finite");
}

QTEST_MAIN(TestPhaseSentence)
#include "test_phase_sentence.moc"
