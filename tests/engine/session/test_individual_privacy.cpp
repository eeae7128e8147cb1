// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "engine/accounting/gaussian_mechanism.h"
#include "engine/accounting/sampled_gaussian.h"
#include "engine/error.h"
#include "engine/session/individual_privacy.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// ε of single examples, against sums over their own steps.
class TestIndividualPrivacy : public QObject {
  Q_OBJECT

 private slots:
  void isTheSumOverItsSteps();
  void ofARun();
  void withoutSampling();
  void forgottenDraws();
  void noiseless();
  void overTheSteps();
  void stops();

 private:
  static StepSummary step(Index number, double sigma, double q) {
    StepSummary s;
    s.step = number;
    s.sigma = s.gradientSigma = sigma;
    s.sampleRate = q;
    s.scheme = SamplingScheme::Poisson;
    return s;
  }
  static std::shared_ptr<const StepDraws> draws(Index number,
                                                std::vector<std::pair<int, double>> of) {
    auto made = std::make_shared<StepDraws>();
    made->step = number;
    for (const auto& [example, share] : of) {
      StepDraws::Draw draw;
      draw.example = example;
      draw.share = share;
      made->draws.push_back(draw);
    }
    return made;
  }
  /// The least over the orders of Opacus of a sum of RDPs, by definition.
  static double epsilonOf(const std::vector<std::array<double, 2>>& sigmaAndRate, double delta) {
    double least = INFINITY;
    std::vector<double> orders;
    for (int tenths = 11; tenths < 110; ++tenths) orders.push_back(tenths / 10.0);
    for (int order = 12; order < 64; ++order) orders.push_back(order);
    for (const double a : orders) {
      double spent = 0;
      for (const auto& [sigma, q] : sigmaAndRate) spent += sampledGaussianRdp(q, sigma, a);
      least =
          std::min(least, spent - (std::log(delta) + std::log(a)) / (a - 1) + std::log1p(-1 / a));
    }
    return std::max(0.0, least);
  }
};

void TestIndividualPrivacy::isTheSumOverItsSteps() {
  // Two kinds of steps; example 0 is drawn twice with half the sensitivity, 1 once with all of it,
  // 2 never, 3 with nothing.
  std::vector<StepSummary> steps;
  std::vector<std::shared_ptr<const StepDraws>> drawn;
  for (Index t = 1; t <= 40; ++t) {
    steps.push_back(step(t, t <= 25 ? 0.8 : 1.1, t <= 25 ? 0.05 : 0.1));
    std::vector<std::pair<int, double>> of;
    if (t == 3 || t == 30) of.push_back({0, 0.5});
    if (t == 10) of.push_back({1, 1.0});
    if (t == 5) of.push_back({3, 0.0});
    drawn.push_back(draws(t, of));
  }
  const double delta = 1e-5;
  const IndividualPrivacy p = individualPrivacy(steps, drawn, 4, delta);
  QCOMPARE(p.knownSteps, Index{40});
  QCOMPARE(p.draws, (std::vector<Index>{2, 1, 0, 1}));
  std::vector<std::array<double, 2>> full, bound0, estimate0;
  for (Index t = 1; t <= 40; ++t) {
    const double sigma = t <= 25 ? 0.8 : 1.1, q = t <= 25 ? 0.05 : 0.1;
    full.push_back({sigma, q});
    bound0.push_back({t == 3 || t == 30 ? sigma / 0.5 : sigma, q});
    estimate0.push_back({t >= 3 ? sigma / 0.5 : sigma, q});
  }
  // Fewer orders: a hair above at most. A share of 1/2 lies on the grid of shares.
  const auto isJustAbove = [](double got, double wanted) {
    return got >= wanted * (1 - 1e-9) && got <= wanted * 1.005;
  };
  QVERIFY(isJustAbove(p.worst, epsilonOf(full, delta)));
  QVERIFY(isJustAbove(p.bound[0], epsilonOf(bound0, delta)));
  QVERIFY(isJustAbove(p.estimate[0], epsilonOf(estimate0, delta)));
  QVERIFY(p.bound[0] < p.worst && p.estimate[0] < p.bound[0]);
  // Always the whole sensitivity, as far as is known.
  for (const std::size_t i : {1, 2}) {
    QVERIFY(std::abs(p.bound[i] / p.worst - 1) < 1e-9);
    QVERIFY(std::abs(p.estimate[i] / p.worst - 1) < 1e-9);
  }
  // Nothing used counts as the least share of the grid.
  std::vector<std::array<double, 2>> estimate3;
  for (Index t = 1; t <= 40; ++t)
    estimate3.push_back(
        {(t <= 25 ? 0.8 : 1.1) * (t >= 5 ? std::exp2(47 / 6.0) : 1), t <= 25 ? 0.05 : 0.1});
  QVERIFY(isJustAbove(p.estimate[3], epsilonOf(estimate3, delta)));
  QVERIFY(p.bound[3] < p.worst);
}

void TestIndividualPrivacy::ofARun() {
  Experiment e = smallExperiment();
  e.clipping.maxGradNorm = 1;
  e.noise.noiseMultiplier = 0.9;
  Trainer trainer(e, smallData());
  std::vector<StepSummary> steps;
  ExampleHistory history;
  for (int k = 0; k < 60; ++k) {
    const auto record = trainer.finishStep();
    steps.push_back(summaryOf(*record));
    history.append(*record);
    for (std::size_t i = 0; i < history.steps().back()->draws.size(); ++i) {
      // One group: what an example used is its clipped norm over C.
      const auto& draw = history.steps().back()->draws[i];
      QVERIFY(std::abs(draw.share - draw.normAfter / e.clipping.maxGradNorm) < 1e-6);
    }
  }
  const std::vector<std::shared_ptr<const StepDraws>> drawn(history.steps().begin(),
                                                            history.steps().end());
  const Index n = trainer.data().data->size();
  const double delta = e.privacy.delta;
  const IndividualPrivacy p = individualPrivacy(steps, drawn, n, delta);
  // The run's own ε is that of an example that always uses everything.
  const auto accountant = makeAccountant("rdp-opacus");
  accountant->add(0.9, steps[0].sampleRate, 60);
  QVERIFY(p.worst >= accountant->epsilon(delta) && p.worst <= 1.005 * accountant->epsilon(delta));
  Index below = 0;
  for (std::size_t i = 0; i < p.bound.size(); ++i) {
    QVERIFY(p.bound[i] <= p.worst * (1 + 1e-9));
    QVERIFY(p.estimate[i] <= p.worst * (1 + 1e-9) && p.estimate[i] >= 0);
    below += p.bound[i] < p.worst;
    QCOMPARE(p.draws[i], static_cast<Index>(history.drawsOf(static_cast<Index>(i)).size()));
  }
  QVERIFY(below > 0);
}

void TestIndividualPrivacy::withoutSampling() {
  // The same batch: σ_i adds up as 1/σ² by the shares. Example 1 is not in it.
  std::vector<StepSummary> steps;
  std::vector<std::shared_ptr<const StepDraws>> drawn;
  double squares = 0;
  for (Index t = 1; t <= 20; ++t) {
    steps.push_back(step(t, 4, 0.5));
    steps.back().scheme = SamplingScheme::Fixed;
    const double share = t % 2 == 0 ? 0.25 : 0.5;
    drawn.push_back(draws(t, {{0, share}}));
    squares += share * share / 16;
  }
  const IndividualPrivacy p = individualPrivacy(steps, drawn, 2, 1e-6);
  const double exact = gaussianEpsilon(std::sqrt(squares), 1e-6);
  QVERIFY(p.bound[0] >= exact && p.bound[0] < 1.2 * exact);
  QVERIFY(std::abs(p.bound[0] / p.estimate[0] - 1) < 1e-12);
  QCOMPARE(p.bound[1], 0.0);
  QVERIFY(p.worst > p.bound[0]);
}

void TestIndividualPrivacy::forgottenDraws() {
  // What is not remembered is charged whole.
  std::vector<StepSummary> steps;
  std::vector<std::shared_ptr<const StepDraws>> all, late;
  for (Index t = 1; t <= 30; ++t) {
    steps.push_back(step(t, 1, 0.1));
    all.push_back(draws(t, {{0, 0.125}}));
    if (t > 20) late.push_back(all.back());
  }
  const IndividualPrivacy known = individualPrivacy(steps, all, 1, 1e-5);
  const IndividualPrivacy partly = individualPrivacy(steps, late, 1, 1e-5);
  const IndividualPrivacy nothing = individualPrivacy(steps, {}, 1, 1e-5);
  QCOMPARE(partly.knownSteps, Index{10});
  QVERIFY(known.bound[0] < partly.bound[0] && partly.bound[0] < nothing.bound[0]);
  QVERIFY(std::abs(nothing.bound[0] / nothing.worst - 1) < 1e-12);
}

void TestIndividualPrivacy::noiseless() {
  const std::vector<StepSummary> steps{step(1, 1, 0.1), step(2, 0, 0.1)};
  const IndividualPrivacy p = individualPrivacy(steps, {}, 3, 1e-5);
  for (const double epsilon : p.bound) QVERIFY(std::isinf(epsilon));
  const IndividualPrivacy none = individualPrivacy({}, {}, 3, 1e-5);
  QCOMPARE(none.bound, std::vector<double>(3, 0.0));
  QCOMPARE(none.worst, 0.0);
}

void TestIndividualPrivacy::overTheSteps() {
  // Cut off after each step, the whole account of every example says the same.
  Experiment e = smallExperiment();
  e.clipping.maxGradNorm = 1;
  Trainer trainer(e, smallData());
  std::vector<StepSummary> steps;
  std::vector<std::shared_ptr<const NormRefresh>> refreshes;
  ExampleHistory history;
  for (int k = 0; k < 20; ++k) {
    const auto record = trainer.finishStep();
    steps.push_back(summaryOf(*record));
    history.append(*record);
    if (k % 7 == 3) refreshes.push_back(trainer.refreshNorms());
  }
  const std::vector<std::shared_ptr<const StepDraws>> drawn(history.steps().begin(),
                                                            history.steps().end());
  const Index n = trainer.data().data->size();
  for (const Index example : {trainer.data().train[0], trainer.data().train[40]}) {
    const auto points = individualEpsilonOver(example, steps, drawn, 1e-5, refreshes);
    QVERIFY(points.size() >= refreshes.size());
    for (const IndividualPoint& point : points) {
      const auto known = static_cast<std::size_t>(point.step);
      const IndividualPrivacy p = individualPrivacy(
          std::span(steps).first(known), std::span(drawn).first(known), n, 1e-5, {}, refreshes);
      const auto i = static_cast<std::size_t>(example);
      QVERIFY(std::abs(point.bound - p.bound[i]) <= 1e-9 * p.bound[i]);
      QVERIFY(std::abs(point.estimate - p.estimate[i]) <= 1e-9 * p.estimate[i]);
    }
  }
  steps[5].scheme = SamplingScheme::Fixed;
  QVERIFY(individualEpsilonOver(0, steps, drawn, 1e-5).empty());
}

void TestIndividualPrivacy::stops() {
  std::stop_source stop;
  stop.request_stop();
  std::vector<StepSummary> steps;
  for (Index t = 1; t <= 100; ++t) steps.push_back(step(t, 1, 0.1));
  QVERIFY_EXCEPTION_THROWN(individualPrivacy(steps, {}, 1, 1e-5, stop.get_token()), Cancelled);
}

QTEST_GUILESS_MAIN(TestIndividualPrivacy)
#include "test_individual_privacy.moc"
