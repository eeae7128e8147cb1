// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "engine/accounting/planner.h"
#include "engine/error.h"

using namespace clipscope;

/// Every point of a plan spends its budget and no more.
class TestPlanner : public QObject {
  Q_OBJECT

 private slots:
  void pointsSpendTheBudget_data();
  void pointsSpendTheBudget();
  void otherSamplings();
  void gridHoldsTheRun();
  void whatHasNoAnswer();

 private:
  static PlanSettings settings() {
    PlanSettings s;
    s.epsilon = 3;
    s.delta = 1e-5;
    s.examples = 9000;
    s.maxGradNorm = 0.5;
    s.dimension = 40000;
    return s;
  }
};

void TestPlanner::pointsSpendTheBudget_data() {
  QTest::addColumn<QString>("accountant");
  for (const std::string& name : accountantNames())
    QTest::addRow("%s", name.c_str()) << name.c_str();
}

void TestPlanner::pointsSpendTheBudget() {
  QFETCH(QString, accountant);
  PlanSettings s = settings();
  s.accountant = accountant.toStdString();
  const PlanGrid grid = planGrid(s, 256, 500, 4);
  QCOMPARE(grid.points.size(), std::size_t{16});
  for (const PlanPoint& p : grid.points) {
    const auto spent = makeAccountant(s.accountant);
    spent->add(p.sigma, p.batchSize / 9000, p.steps);
    const double epsilon = spent->epsilon(1e-5);
    QVERIFY2(epsilon <= 3 && epsilon > 3 * (1 - 2e-3),
             qPrintable(QString("B %1 T %2: %3").arg(p.batchSize).arg(p.steps).arg(epsilon)));
    QCOMPARE(p.sampleRate, p.batchSize / 9000);
    QCOMPARE(plannedEpsilon(s, p.batchSize, p.steps, p.sigma), epsilon);
    QVERIFY(std::abs(p.noise / (p.sigma * 0.5 * 200 / p.batchSize) - 1) < 1e-12);
    QVERIFY(std::abs(p.perExample * p.batchSize / p.sigma - 1) < 1e-12);
  }
}

void TestPlanner::otherSamplings() {
  PlanSettings s = settings();
  s.accountant = "gdp";  // exact at q = 1
  s.sampling = PlannedSampling::Fixed;
  const double sigma = planPoint(s, 256, 400).sigma;
  // 400 applications are one of σ/20.
  s.accountant = "prv";
  QVERIFY(std::abs(planPoint(s, 100, 1).sigma * 20 / sigma - 1) < 1e-8);
  // 90 batches of 100 are an epoch: the 91st begins another.
  s.sampling = PlannedSampling::Shuffled;
  const double once = planPoint(s, 100, 90).sigma, twice = planPoint(s, 100, 91).sigma;
  QVERIFY(std::abs(twice / once / std::sqrt(2.0) - 1) < 1e-8);
  QCOMPARE(planPoint(s, 100, 1).sigma, once);
}

void TestPlanner::gridHoldsTheRun() {
  PlanSettings s = settings();
  s.accountant = "gdp";
  const PlanGrid grid = planGrid(s, 300, 777, 15);
  QVERIFY(std::ranges::find(grid.batchSizes, 300.0) != grid.batchSizes.end());
  QVERIFY(std::ranges::find(grid.steps, 777) != grid.steps.end());
  QVERIFY(std::ranges::is_sorted(grid.batchSizes) && std::ranges::is_sorted(grid.steps));
  QCOMPARE(grid.batchSizes.back(), 9000.0);
  // More of either asks for more noise; twice the batch for less than twice of it.
  for (std::size_t t = 0; t < grid.steps.size(); ++t)
    for (std::size_t b = 0; b + 1 < grid.batchSizes.size(); ++b) {
      QVERIFY(grid.at(b + 1, t).sigma > grid.at(b, t).sigma);
      QVERIFY(grid.at(b + 1, t).perExample < grid.at(b, t).perExample);
      if (t > 0) QVERIFY(grid.at(b, t).sigma > grid.at(b, t - 1).sigma);
    }
  std::stop_source stop;
  stop.request_stop();
  QVERIFY_EXCEPTION_THROWN(planGrid(s, 300, 777, 15, {}, stop.get_token()), Cancelled);
}

void TestPlanner::whatHasNoAnswer() {
  PlanSettings s = settings();
  s.accountant = "rdp-opacus";
  s.epsilon = 0.01;  // below the floor of its orders
  QVERIFY(std::isnan(planPoint(s, 256, 500).sigma));
  QCOMPARE(planPoint(settings(), 256, 0).sigma, 0.0);
  QVERIFY_EXCEPTION_THROWN(planPoint(settings(), 0, 10), SettingError);
  QVERIFY_EXCEPTION_THROWN(planPoint(settings(), 9001, 10), SettingError);
  QVERIFY_EXCEPTION_THROWN(planPoint(settings(), 10, -1), SettingError);
}

QTEST_GUILESS_MAIN(TestPlanner)
#include "test_planner.moc"
