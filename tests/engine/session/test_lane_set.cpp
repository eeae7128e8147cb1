// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/session/lane_set.h"
#include "engine/session/loss_ladder.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Lanes in lockstep: each is the run that it would be alone, and shares batches and noise.
class TestLaneSet : public QObject {
  Q_OBJECT

 private slots:
  void init() { m_views.clear(); }
  void eachIsItsOwnRun();
  void batchesAndNormalsAreShared();
  void theyGoWhereTheMainRunGoes();
  void whatCannotBeALane();
  void cancelled();
  void saysHowFarTheyAre();
  void rungs();
  void ladderOfFourRuns();
  void ladderSaysWhatCosts();

 private:
  std::vector<LaneView> viewsOf(LaneSet& lanes, const Experiment& main) {
    addLaneNews(lanes.takeNews(main), m_views);
    return m_views;
  }
  std::vector<LaneView> m_views;

  static Experiment variant(double c, double sigma, GroupingKind grouping) {
    Experiment e = smallExperiment();
    e.clipping.maxGradNorm = c;
    e.noise.noiseMultiplier = sigma;
    e.clipping.grouping = grouping;
    return e;
  }
};

void TestLaneSet::eachIsItsOwnRun() {
  const Experiment main = smallExperiment();
  LaneSet lanes;
  const std::vector<Experiment> made{variant(0.3, 1.1, GroupingKind::Flat),
                                     variant(1, 0, GroupingKind::PerLayer)};
  for (const Experiment& e : made) lanes.add({"lane", e}, main, smallData());
  // Uneven moves: phases, several steps at once.
  lanes.follow(1, Phase::Norms);
  lanes.follow(4, Phase::Account);
  lanes.follow(7, Phase::Clip);
  lanes.follow(9, Phase::Account);
  const auto views = viewsOf(lanes, main);
  for (std::size_t k = 0; k < made.size(); ++k) {
    Trainer alone(made[k], smallData());
    for (int t = 0; t < 9; ++t) alone.finishStep();
    QVERIFY(std::ranges::equal(lanes.session(k).trainer().parameters().flat(),
                               alone.parameters().flat()));
    QCOMPARE(views[k].history.steps(), Index{9});
    QCOMPARE(views[k].record->step, Index{9});
    QCOMPARE(views[k].history.newest()->loss, alone.record()->forward->meanLoss);
    // As its settings ask for: every second step.
    QVERIFY(!std::isnan(views[k].history.at(8).testLoss) &&
            std::isnan(views[k].history.at(9).testLoss));
  }
  QCOMPARE(views[0].change, std::string("max_grad_norm 1.0 → 0.3"));
}

void TestLaneSet::batchesAndNormalsAreShared() {
  const Experiment main = variant(1, 1.1, GroupingKind::Flat);
  RunSession run(main, smallData());
  LaneSet lanes;
  lanes.add({"half the noise", variant(0.5, 1.1, GroupingKind::Flat)}, main, smallData());
  for (int t = 1; t <= 5; ++t) {
    run.finishStep();
    lanes.follow(t, Phase::Account);
    const auto view = viewsOf(lanes, main)[0];
    QCOMPARE(view.record->sample->examples, run.record()->sample->examples);
    // s halves with C, and the same normals with it.
    QVERIFY(std::abs(view.record->noise->realised / run.record()->noise->realised - 0.5) < 1e-6);
  }
  QVERIFY(std::ranges::equal(RunSession(main, smallData()).trainer().parameters().flat(),
                             RunSession(variant(0.5, 1.1, GroupingKind::Flat), smallData())
                                 .trainer()
                                 .parameters()
                                 .flat()));
}

void TestLaneSet::theyGoWhereTheMainRunGoes() {
  const Experiment main = smallExperiment();
  LaneSet lanes;
  lanes.add({"a", variant(0.3, 1, GroupingKind::Flat)}, main, smallData());
  lanes.add({"b", variant(3, 1, GroupingKind::PerLayer)}, main, smallData());
  lanes.follow(6, Phase::Account);
  std::vector<double> losses;
  for (const LaneView& view : viewsOf(lanes, main))
    losses.push_back(view.record->forward->meanLoss);
  const std::pair<Index, std::optional<Phase>> places[] = {{3, Phase::Clip},  {3, Phase::Sample},
                                                           {0, std::nullopt}, {2, Phase::Account},
                                                           {5, Phase::Noise}, {5, Phase::Account}};
  for (const auto& [step, phase] : places) {
    QVERIFY(lanes.isBehind(step, phase));
    lanes.follow(step, phase);
    QVERIFY(!lanes.isBehind(step, phase));
    for (const LaneView& view : viewsOf(lanes, main)) {
      QCOMPARE(view.record->step, step);
      if (step > 0) QCOMPARE(view.record->completed, phase);
      QCOMPARE(view.history.steps(), Index{6});
    }
  }
  lanes.follow(6, Phase::Account);
  for (std::size_t k = 0; k < 2; ++k)
    QCOMPARE(viewsOf(lanes, main)[k].record->forward->meanLoss, losses[k]);
  lanes.follow(8, Phase::Account);
  QCOMPARE(viewsOf(lanes, main)[1].history.steps(), Index{8});
  lanes.remove(viewsOf(lanes, main)[0].id);
  QCOMPARE(lanes.count(), std::size_t{1});
  QCOMPARE(lanes.settings(0).name, std::string("b"));
  QCOMPARE(viewsOf(lanes, main).size(), std::size_t{1});
  Experiment other = main;
  other.sampling.expectedBatchSize = 20;
  QCOMPARE(lanes.removeUnlike(main).size(), std::size_t{0});
  QCOMPARE(lanes.removeUnlike(other), std::vector<std::string>{"b"});
  QVERIFY(viewsOf(lanes, other).empty());
}

void TestLaneSet::whatCannotBeALane() {
  const Experiment main = smallExperiment();
  LaneSet lanes;
  const auto refused = [&](auto&& change, const char* says) {
    Experiment e = main;
    change(e);
    try {
      lanes.add({"x", e}, main, smallData());
    } catch (const SettingError& error) {
      return std::string(error.what()).find(says) != std::string::npos;
    }
    return false;
  };
  QVERIFY(refused([](Experiment& e) { e.run.seed = 9; }, "another seed"));
  QVERIFY(refused([](Experiment& e) { e.sampling.expectedBatchSize = 20; }, "other batches"));
  QVERIFY(refused([](Experiment& e) { e.model.preset = "logistic"; }, "another model"));
  QVERIFY(refused([](Experiment& e) { e.data.testShare = 0.5; }, "other data"));
  QVERIFY(refused([](Experiment& e) { e.run.secureMode = true; }, "secure"));
  QVERIFY(refused([](Experiment& e) { e.clipping.maxGradNorm = -1; }, "max_grad_norm"));
  QCOMPARE(lanes.count(), std::size_t{0});
  for (std::size_t k = 0; k < LaneSet::mostLanes; ++k) lanes.add({"x", main}, main, smallData());
  QVERIFY(refused([](Experiment&) {}, "remove one"));
}

void TestLaneSet::cancelled() {
  const Experiment main = smallExperiment();
  LaneSet lanes;
  lanes.add({"a", main}, main, smallData());
  std::stop_source stop;
  stop.request_stop();
  QVERIFY_THROWS_EXCEPTION(Cancelled, lanes.follow(3, Phase::Account, stop.get_token()));
  QVERIFY(lanes.isBehind(3, Phase::Account));
  lanes.follow(3, Phase::Account);
  QVERIFY(!lanes.isBehind(3, Phase::Account));
}

void TestLaneSet::saysHowFarTheyAre() {
  const Experiment main = smallExperiment();
  LaneSet lanes;
  lanes.add({"a", variant(0.5, 1, GroupingKind::Flat)}, main, smallData());
  lanes.add({"b", variant(2, 1, GroupingKind::PerLayer)}, main, smallData());
  std::vector<std::pair<Index, Index>> seen;
  lanes.follow(5, Phase::Norms, {}, [&] {
    seen.emplace_back(lanes.session(0).stepsDone(), lanes.session(1).stepsDone());
  });
  // Each trains four whole steps on the way; the end of the way is no step on it.
  const std::vector<std::pair<Index, Index>> wanted{{1, 0}, {2, 0}, {3, 0}, {4, 0},
                                                    {4, 1}, {4, 2}, {4, 3}, {4, 4}};
  QVERIFY(seen == wanted);
  // Where they have been they go at once.
  seen.clear();
  lanes.follow(2, Phase::Account, {}, [&] { seen.emplace_back(0, 0); });
  QVERIFY(seen.empty());
}

void TestLaneSet::rungs() {
  Experiment e = variant(0.5, 1.1, GroupingKind::PerLayer);
  QVERIFY(rungOf(e, Rung::Both) == e);
  const Experiment plain = rungOf(e, Rung::NoPrivacy);
  // Without clipping and noise a step is one of plain SGD on the summed batch over B.
  Trainer a(plain, smallData());
  const auto record = a.finishStep();
  QCOMPARE(record->noise->realised, 0.0);
  QVERIFY(std::abs(record->clip->biasCosine - 1) < 1e-6);
  QVERIFY(record->clip->biasRatio < 1e-6);
  // Noise alone has the std that it has with clipping.
  Trainer both(e, smallData()), noisy(rungOf(e, Rung::NoiseOnly), smallData());
  const auto with = both.finishStep(), without = noisy.finishStep();
  QVERIFY(std::abs(without->noise->realised / with->noise->realised - 1) < 1e-6);
  QVERIFY(without->clip->biasRatio < 1e-6);
  e.clipping.adaptive.enabled = true;
  for (const Rung rung : allRungs) {
    Trainer trainer(rungOf(e, rung), smallData());
    trainer.finishStep();
    QCOMPARE(trainer.experiment().clipping.adaptive.enabled,
             rung == Rung::ClippingOnly || rung == Rung::Both);
  }
}

void TestLaneSet::ladderOfFourRuns() {
  const Experiment main = variant(0.2, 1.5, GroupingKind::Flat);
  std::array<RunHistory, 4> histories;
  std::array<std::span<const StepSummary>, 4> runs;
  for (std::size_t k = 0; k < 4; ++k) {
    Experiment e = rungOf(main, allRungs[k]);
    e.run.evaluateEvery = 0;
    RunSession session(e, smallData());
    for (int t = 0; t < 25; ++t) session.finishStep();
    session.takeNews().addTo(histories[k]);
    runs[k] = histories[k].summaries();
  }
  const auto cost = ladderCost(runs);
  QVERIFY(cost);
  QCOMPARE(cost->step, Index{25});
  QVERIFY(!cost->isTest);
  QCOMPARE(cost->averaged, Index{10});
  for (std::size_t k = 0; k < 4; ++k) {
    double mean = 0;
    for (Index t = 16; t <= 25; ++t) mean += histories[k].at(t).loss / 10;
    QVERIFY(std::abs(cost->loss[k] - mean) < 1e-12);
  }
  QVERIFY(cost->both() > 0);
  // A test loss that all have goes before.
  for (std::size_t k = 0; k < 4; ++k)
    histories[k].setEvaluation(20, {0.5, 1.0 + static_cast<double>(k), 30});
  const auto tested = ladderCost(runs);
  QVERIFY(tested->isTest);
  QCOMPARE(tested->step, Index{20});
  QCOMPARE(tested->both(), 3.0);
  QVERIFY(!ladderCost({runs[0], runs[1], runs[2], std::span<const StepSummary>()}));
}

void TestLaneSet::ladderSaysWhatCosts() {
  const auto sentence = [](double none, double clipping, double noise, double both) {
    LadderCost cost;
    cost.step = 60;
    cost.loss = {none, clipping, noise, both};
    return ladderSentence(cost);
  };
  QVERIFY(sentence(0.4, 0.7, 0.45, 0.8).ends_with("clipping costs the most."));
  QVERIFY(sentence(0.4, 0.45, 0.7, 0.8).ends_with("noise costs the most."));
  QVERIFY(sentence(0.4, 0.6, 0.55, 0.8).ends_with("about alike."));
  QVERIFY(sentence(0.4, 0.4, 0.4, 0.4).ends_with("costs nothing here so far."));
  QVERIFY(sentence(0.4, 0.4, 0.4, 0.9).ends_with("cost together."));
  QVERIFY(sentence(0.4, 0.7, 0.45, 0.8)
              .starts_with("At step 60 the training loss is 0.4 without privacy, 0.7 (+0.3) with "
                           "clipping alone"));
  QVERIFY(sentence(0.4, 0.7, NAN, 0.8).ends_with("both."));
}

QTEST_GUILESS_MAIN(TestLaneSet)
#include "test_lane_set.moc"
