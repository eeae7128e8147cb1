// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/accounting/sampled_gaussian.h"
#include "engine/error.h"
#include "engine/session/individual_privacy.h"
#include "engine/session/run_session.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Norms of all training examples at a step's weights, against gradients formed one by one, and the
/// ε of single examples that follows from them.
class TestNormRefresh : public QObject {
  Q_OBJECT

 private slots:
  void areTheGradients_data();
  void areTheGradients();
  void needsAStepThatClipped();
  void isCancelled();
  void exactWhenEveryStepRefreshes();
  void aRunRefreshesWhereItIsAsked();
  void branchesKeepTheirOwn();
};

void TestNormRefresh::areTheGradients_data() {
  QTest::addColumn<QString>("grouping");
  for (const char* grouping : {"flat", "layer", "param"}) QTest::newRow(grouping) << grouping;
}

void TestNormRefresh::areTheGradients() {
  QFETCH(QString, grouping);
  Experiment e = smallExperiment();
  e.clipping.grouping = parseGrouping(grouping.toStdString(), "grouping");
  e.clipping.maxGradNorm = 0.4;
  e.noise.noiseMultiplier = 1.3;
  Trainer trainer(e, smallData());
  trainer.finishStep();
  const auto record = trainer.finishStep();
  // After the update, which must not matter: the weights are those that the step clipped with.
  const auto refresh = trainer.refreshNorms();
  QCOMPARE(trainer.record(), record);
  QCOMPARE(refresh->step, Index{2});
  const auto batch = trainer.probe();
  const LoadedData& data = trainer.data();
  const auto sharedParameters = std::make_shared<const Parameters>(batch->parameters());
  std::vector<bool> isTrained(static_cast<std::size_t>(data.data->size()));
  for (const Index example : data.train) isTrained[static_cast<std::size_t>(example)] = true;
  for (Index i = 0; i < data.data->size(); ++i) {
    QCOMPARE(refresh->has(i), isTrained[static_cast<std::size_t>(i)]);
    if (!refresh->has(i)) continue;
    const auto at = static_cast<std::size_t>(i);
    const BatchProbe alone(trainer.sharedModel(), sharedParameters, data.data, {i}, batch->key());
    const std::vector<double> norms = alone.formedNorms(0);
    double total = 0, used = 0, whole = 0;
    for (const double norm : norms) total += norm * norm;
    QVERIFY(std::abs(static_cast<double>(refresh->norms[at]) / std::sqrt(total) - 1) < 2e-5);
    // f n = min(n, C) in every group.
    for (const GroupResult& group : record->clip->groups) {
      double square = 0;
      for (const Index t : group.tensors)
        square += norms[static_cast<std::size_t>(t)] * norms[static_cast<std::size_t>(t)];
      const double clipped = std::min(std::sqrt(square), group.threshold);
      used += clipped * clipped / (group.noiseStd * group.noiseStd);
      whole += group.threshold * group.threshold / (group.noiseStd * group.noiseStd);
    }
    QVERIFY(std::abs(static_cast<double>(refresh->shares[at]) - std::sqrt(used / whole)) < 2e-5);
  }
  // Those that were drawn: the step's own.
  for (Index row = 0; row < record->batchSize(); ++row) {
    const auto i =
        static_cast<std::size_t>(record->sample->examples[static_cast<std::size_t>(row)]);
    const double own = record->norms->global[static_cast<std::size_t>(row)];
    QVERIFY(std::abs(static_cast<double>(refresh->norms[i]) / own - 1) < 2e-5);
  }
}

void TestNormRefresh::needsAStepThatClipped() {
  Trainer trainer(smallExperiment(), smallData());
  QVERIFY_THROWS_EXCEPTION(SettingError, trainer.refreshNorms());
  trainer.advanceTo(Phase::Norms);
  QVERIFY_THROWS_EXCEPTION(SettingError, trainer.refreshNorms());
  trainer.advanceTo(Phase::Clip);
  QCOMPARE(trainer.refreshNorms()->step, Index{1});
}

void TestNormRefresh::isCancelled() {
  Trainer trainer(smallExperiment(), smallData());
  trainer.finishStep();
  std::stop_source stop;
  stop.request_stop();
  QVERIFY_THROWS_EXCEPTION(Cancelled, trainer.refreshNorms(stop.get_token()));
}

void TestNormRefresh::exactWhenEveryStepRefreshes() {
  Experiment e = smallExperiment();
  e.clipping.maxGradNorm = 1;
  e.noise.noiseMultiplier = 0.9;
  e.run.refreshNormsEvery = 1;
  constexpr Index steps = 25;
  RunSession session(e, smallData());
  RunHistory history;
  ExampleHistory draws;
  for (Index t = 0; t < steps; ++t) {
    session.finishStep();
    session.doWhatIsDue();
    const RunNews news = session.takeNews();
    news.addTo(history);
    news.addTo(draws);
  }
  const std::vector<std::shared_ptr<const StepDraws>> drawn(draws.steps().begin(),
                                                            draws.steps().end());
  const std::vector<std::shared_ptr<const NormRefresh>> all(draws.refreshes().begin(),
                                                            draws.refreshes().end());
  QCOMPARE(all.size(), std::size_t{steps});
  const Index n = session.data().data->size();
  const double delta = 1e-5, q = history.at(1).sampleRate;
  const IndividualPrivacy p = individualPrivacy(history.summaries(), drawn, n, delta, {}, all);
  QVERIFY(p.isExact());
  QCOMPARE(p.refreshes, steps);
  Index below = 0;
  for (const Index i : session.data().train) {
    const auto at = static_cast<std::size_t>(i);
    QVERIFY(std::abs(p.bound[at] / p.estimate[at] - 1) < 1e-9);
    // By definition: Σ over all steps of the RDP at σ/share, the least over the orders of Opacus;
    // once with the shares as they are, once rounded up to the grid of 2^(1/6).
    double exact = INFINITY, rounded = INFINITY;
    std::vector<double> orders;
    for (int tenths = 11; tenths < 110; ++tenths) orders.push_back(tenths / 10.0);
    for (int order = 12; order < 64; ++order) orders.push_back(order);
    for (const double a : orders) {
      double spent = 0, spentRounded = 0;
      for (const auto& refresh : all) {
        const double share = static_cast<double>(refresh->shares[at]);
        const double level = std::exp2(-std::min(47.0, std::floor(-6 * std::log2(share))) / 6);
        spent += sampledGaussianRdp(q, 0.9 / share, a);
        spentRounded += sampledGaussianRdp(q, 0.9 / level, a);
      }
      const double left = -(std::log(delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a);
      exact = std::min(exact, spent + left);
      rounded = std::min(rounded, spentRounded + left);
    }
    QVERIFY(p.bound[at] >= exact * (1 - 1e-6));
    QVERIFY(p.bound[at] >= rounded * (1 - 1e-6) && p.bound[at] <= rounded * 1.01);
    below += p.bound[at] < 0.98 * p.worst;
  }
  QVERIFY(below > 0);
  // What was forgotten is charged whole: nothing falls below the exact figure.
  const IndividualPrivacy some =
      individualPrivacy(history.summaries(), drawn, n, delta, {}, std::span(all).first(10));
  QVERIFY(!some.isExact());
  QCOMPARE(some.refreshes, Index{10});
  for (const Index i : session.data().train)
    QVERIFY(some.bound[static_cast<std::size_t>(i)] >=
            p.bound[static_cast<std::size_t>(i)] * (1 - 1e-9));
}

void TestNormRefresh::aRunRefreshesWhereItIsAsked() {
  Experiment e = smallExperiment();
  e.run.refreshNormsEvery = 3;
  RunSession session(e, smallData());
  QVERIFY(!session.refreshDue());
  std::vector<Index> refreshed;
  for (Index t = 1; t <= 8; ++t) {
    session.advanceTo(Phase::Clip);
    QVERIFY(!session.refreshDue());
    session.finishStep();
    QCOMPARE(session.refreshDue(), t % 3 == 1);
    session.doWhatIsDue();
    QVERIFY(!session.refreshDue());
    for (const auto& refresh : session.takeNews().refreshes) refreshed.push_back(refresh->step);
  }
  QCOMPARE(refreshed, (std::vector<Index>{1, 4, 7}));
  // Not again where one goes back to, and the same where it is done again.
  session.goTo(4, Phase::Account);
  QVERIFY(!session.refreshDue());
  session.refreshNorms();
  const auto again = session.takeNews().refreshes;
  QCOMPARE(again.size(), std::size_t{1});
  Trainer alone(e, smallData());
  for (int t = 0; t < 4; ++t) alone.finishStep();
  const auto same = alone.refreshNorms();
  for (const Index i : session.data().train)
    QCOMPARE(again[0]->norms[static_cast<std::size_t>(i)],
             same->norms[static_cast<std::size_t>(i)]);
  session.reset();
  session.finishStep();
  QVERIFY(session.refreshDue());
}

void TestNormRefresh::branchesKeepTheirOwn() {
  Experiment e = smallExperiment();
  e.run.refreshNormsEvery = 2;
  RunSession session(e, smallData());
  ExampleHistory known;
  const auto look = [&] {
    session.takeNews().addTo(known);
    std::vector<Index> steps;
    for (const auto& refresh : known.refreshes()) steps.push_back(refresh->step);
    return steps;
  };
  for (Index t = 1; t <= 6; ++t) {
    session.finishStep();
    session.doWhatIsDue();
  }
  QCOMPARE(look(), (std::vector<Index>{1, 3, 5}));
  const auto left = known.refreshes().back();
  session.goTo(3, Phase::Account);
  e.clipping.maxGradNorm = 0.3;
  session.apply(e);
  for (Index t = 4; t <= 5; ++t) {
    session.finishStep();
    session.doWhatIsDue();
  }
  QCOMPARE(look(), (std::vector<Index>{1, 3, 5}));
  QVERIFY(known.refreshes().back() != left);
  session.goTo(0, 6, Phase::Account);
  QCOMPARE(look(), (std::vector<Index>{1, 3, 5}));
  QCOMPARE(known.refreshes().back(), left);
}

QTEST_GUILESS_MAIN(TestNormRefresh)
#include "test_norm_refresh.moc"
