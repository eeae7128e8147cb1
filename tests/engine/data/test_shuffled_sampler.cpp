// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/data/shuffled_sampler.h"

using namespace clipscope;

/// Epochs are permutations, each a function of (seed, epoch) alone; batches cut them up.
class TestShuffledSampler : public QObject {
  Q_OBJECT

 private slots:
  void anEpochIsAPermutation();
  void everyPlaceIsEquallyLikely();
  void batchesAreDisjoint();
};

namespace {

std::vector<Index> candidates(Index count) {
  std::vector<Index> list(static_cast<std::size_t>(count));
  std::iota(list.begin(), list.end(), Index{100});
  return list;
}

}  // namespace

void TestShuffledSampler::anEpochIsAPermutation() {
  const auto all = candidates(57);
  std::vector<Index> order, again, other;
  shuffledOrder(all, 3, 5, order);
  shuffledOrder(all, 3, 5, again);
  QVERIFY(order == again);
  shuffledOrder(all, 3, 6, other);
  QVERIFY(order != other);
  shuffledOrder(all, 4, 5, other);
  QVERIFY(order != other);
  QVERIFY(order != all);
  std::ranges::sort(order);
  QVERIFY(order == all);
  shuffledOrder({7}, 1, 0, order);
  QCOMPARE(order, (std::vector<Index>{7}));
}

void TestShuffledSampler::everyPlaceIsEquallyLikely() {
  // Where the first of five lands, and what comes first, over 20000 epochs: each count is binomial
  // (p = 1/5, standard deviation 57); 6 of them fail with probability 2e-9 a count, 2e-8 in all.
  std::array<int, 5> places{}, firsts{};
  std::vector<Index> order;
  const auto all = candidates(5);
  for (Index epoch = 0; epoch < 20000; ++epoch) {
    shuffledOrder(all, 1, epoch, order);
    ++places[static_cast<std::size_t>(std::ranges::find(order, Index{100}) - order.begin())];
    ++firsts[static_cast<std::size_t>(order[0] - 100)];
  }
  const double limit = 6 * std::sqrt(20000 * 0.2 * 0.8);
  for (const auto& counts : {places, firsts})
    for (const int count : counts) QVERIFY(std::abs(count - 4000) < limit);
}

void TestShuffledSampler::batchesAreDisjoint() {
  QCOMPARE(batchesPerEpoch(57, 10), Index{5});
  QCOMPARE(batchesPerEpoch(57, 57), Index{1});
  std::vector<Index> order, batch, seen;
  shuffledOrder(candidates(57), 1, 0, order);
  for (Index number = 0; number < 5; ++number) {
    takeBatch(order, number, 10, batch);
    QCOMPARE(batch.size(), std::size_t{10});
    QVERIFY(std::ranges::is_sorted(batch));
    seen.insert(seen.end(), batch.begin(), batch.end());
  }
  std::ranges::sort(seen);
  QVERIFY(std::ranges::adjacent_find(seen) == seen.end());
}

QTEST_GUILESS_MAIN(TestShuffledSampler)
#include "test_shuffled_sampler.moc"
