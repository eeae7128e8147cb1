// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <random>

#include "engine/session/kept_checkpoints.h"

using namespace clipscope;

class TestKeptCheckpoints : public QObject {
  Q_OBJECT

 private slots:
  void allStayWhileTheyFit();
  void spacingGrowsWithAge();
  void tipsStay();
  void findsTheNearestOnTheWay();
  void forgetsBranches();
};

namespace {

BranchTree tree() {
  BranchTree made(std::make_shared<const Experiment>());
  made.at(0).steps = 100;
  made.add(0, 40, std::make_shared<const Experiment>());
  made.at(1).steps = 90;
  made.add(1, 60, std::make_shared<const Experiment>());
  made.at(2).steps = 80;
  return made;
}

}  // namespace

void TestKeptCheckpoints::allStayWhileTheyFit() {
  KeptCheckpoints kept(1000);
  for (Index step = 0; step < 100; step += 10) QVERIFY(kept.add({0, step, 100}).empty());
  QCOMPARE(kept.bytes(), Index{1000});
  QCOMPARE(kept.add({0, 100, 100}).size(), std::size_t{1});
  QCOMPARE(kept.bytes(), Index{1000});
}

void TestKeptCheckpoints::spacingGrowsWithAge() {
  // 10,000 checkpoints at uneven distances, room for 64: at age a the gap is a small share of a.
  constexpr Index room = 64;
  KeptCheckpoints kept(room * 10);
  std::mt19937 random(2);
  Index step = 0, added = 0, removed = 0;
  for (; added < 10000; ++added) {
    removed += static_cast<Index>(kept.add({0, step, 10}).size());
    QVERIFY(kept.bytes() <= room * 10);
    const auto& places = kept.places();
    QCOMPARE(places.front().step, Index{0});
    QCOMPARE(places.back().step, step);
    for (std::size_t i = 1; added % 100 == 99 && i < places.size(); ++i) {
      const double age = static_cast<double>(step - places[i - 1].step);
      const double gap = static_cast<double>(places[i].step - places[i - 1].step);
      // 16 is the longest distance between two that were added.
      QVERIFY2(gap <= std::max(32.0, 0.5 * age), qPrintable(QString::number(gap / age)));
    }
    step += 1 + static_cast<Index>(random() % 16);
  }
  QCOMPARE(removed, added - room);
}

void TestKeptCheckpoints::tipsStay() {
  // Whatever the budget, the start and the newest of each branch are there.
  KeptCheckpoints kept(1);
  kept.add({0, 0, 100});
  for (const int branch : {0, 1, 2})
    for (Index step = 50; step < 60; ++step) kept.add({branch, step, 100});
  QCOMPARE(kept.places().size(), std::size_t{4});
  for (const auto& place : kept.places()) QVERIFY(place.step == 0 || place.step == 59);
}

void TestKeptCheckpoints::findsTheNearestOnTheWay() {
  const BranchTree branches = tree();
  KeptCheckpoints kept(1000000, {{0, 0, 1}, {0, 30, 1}, {0, 50, 1}, {1, 70, 1}, {2, 75, 1}});
  const auto at = [&](int branch, Index done) {
    const auto place = kept.atOrBefore(branches, branch, done);
    return place ? std::pair(place->branch, place->step) : std::pair(-1, Index{-1});
  };
  QCOMPARE(at(0, 100), (std::pair(0, Index{50})));
  QCOMPARE(at(0, 49), (std::pair(0, Index{30})));
  QCOMPARE(at(0, 29), (std::pair(0, Index{0})));
  // Step 50 of the root is not on the way to branch 1, which left at 40.
  QCOMPARE(at(1, 69), (std::pair(0, Index{30})));
  QCOMPARE(at(1, 70), (std::pair(1, Index{70})));
  // Nor is step 70 of branch 1 on the way to branch 2, which left at 60.
  QCOMPARE(at(2, 74), (std::pair(0, Index{30})));
  QCOMPARE(at(2, 75), (std::pair(2, Index{75})));
  QVERIFY(!KeptCheckpoints(1).atOrBefore(branches, 2, 80));
}

void TestKeptCheckpoints::forgetsBranches() {
  KeptCheckpoints kept(1000, {{0, 0, 1}, {0, 30, 2}, {1, 70, 4}, {2, 75, 8}});
  kept.forget({1, 2});
  QCOMPARE(kept.bytes(), Index{3});
  QCOMPARE(kept.places().size(), std::size_t{2});
}

QTEST_APPLESS_MAIN(TestKeptCheckpoints)
#include "test_kept_checkpoints.moc"
