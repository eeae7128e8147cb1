// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <algorithm>

#include "engine/session/checkpoint_ring.h"

using namespace clipscope;

/// Which checkpoints stay, held against the promise in the header.
class TestCheckpointRing : public QObject {
  Q_OBJECT

 private slots:
  void keepsAllWhileTheyFit();
  void thinsAsItSays_data();
  void thinsAsItSays();
  void firstAndNewestAlwaysStay();
  void truncates();
};

namespace {

/// A checkpoint of known size: as many history entries as asked for.
std::shared_ptr<const TrainerCheckpoint> checkpointAt(Index done, std::size_t entries = 10) {
  auto made = std::make_shared<TrainerCheckpoint>();
  made->running.done = done;
  made->accounted.resize(entries);
  return made;
}

}  // namespace

void TestCheckpointRing::keepsAllWhileTheyFit() {
  CheckpointRing ring(3, checkpointAt(0)->bytes() * 10, 100);
  QVERIFY(!ring.atOrBefore(5));
  for (Index done = 0; done <= 27; ++done) {
    QCOMPARE(ring.wants(done), done % 3 == 0);
    if (ring.wants(done)) ring.add(checkpointAt(done));
    QVERIFY(!ring.wants(done));
  }
  QCOMPARE(ring.count(), Index{10});
  QCOMPARE(ring.keptPerLevel(), Index{0});
  QCOMPARE(ring.bytes(), checkpointAt(0)->bytes() * 10);
  for (Index done = 0; done <= 29; ++done)
    QCOMPARE(ring.atOrBefore(done)->running.done, done / 3 * 3);
}

void TestCheckpointRing::thinsAsItSays_data() {
  QTest::addColumn<Index>("every");
  QTest::addColumn<Index>("fits");
  QTest::addColumn<bool>("byCount");
  QTest::newRow("every step, 40 fit") << Index{1} << Index{40} << false;
  QTest::newRow("every 4, 20 fit") << Index{4} << Index{20} << false;
  QTest::newRow("every 7, 12 at most") << Index{7} << Index{12} << true;
  QTest::newRow("every step, 256 at most") << Index{1} << Index{256} << true;
}

void TestCheckpointRing::thinsAsItSays() {
  QFETCH(Index, every);
  QFETCH(Index, fits);
  QFETCH(bool, byCount);
  const Index one = checkpointAt(0)->bytes();
  CheckpointRing ring(every, byCount ? one * 1000000 : one * fits, byCount ? fits : 1000000);
  bool wasThinned = false;
  for (Index done = 0; done <= 6000; ++done) {
    if (!ring.wants(done)) continue;
    ring.add(checkpointAt(done));
    const auto steps = ring.steps();
    QVERIFY(ring.count() <= fits);
    QCOMPARE(ring.bytes(), one * ring.count());
    QCOMPARE(steps.front(), Index{0});
    QCOMPARE(steps.back(), done);
    const Index w = ring.keptPerLevel();
    if (w == 0) continue;
    wasThinned = true;
    // The promise word for word: of every level the newest w, and nothing else but step 0.
    std::vector<Index> promised{0};
    for (Index spacing = every; spacing <= done; spacing *= 2) {
      Index m = done / spacing;
      for (Index n = 0; n < w && m > 0; ++n, --m) promised.push_back(m * spacing);
    }
    std::ranges::sort(promised);
    promised.erase(std::unique(promised.begin(), promised.end()), promised.end());
    QCOMPARE(steps, promised);
    // And the bound on a replay that follows from it.
    if (w < 2 || done % (97 * every) != 0) continue;
    for (Index step = 0; step <= done; ++step) {
      const Index back = step - ring.atOrBefore(step)->running.done;
      const double age = static_cast<double>(done - step);
      QVERIFY(static_cast<double>(back) <=
              std::max(static_cast<double>(every), 2 * age / static_cast<double>(w - 1)));
    }
  }
  QVERIFY(wasThinned);
  // Not thinner than need be: one more on each level would not have fitted when w last fell.
  QVERIFY(ring.keptPerLevel() >= 1);
  QVERIFY(ring.count() * 3 > fits);
}

void TestCheckpointRing::firstAndNewestAlwaysStay() {
  CheckpointRing ring(1, 1, 100);
  for (Index done = 0; done <= 50; ++done) {
    ring.add(checkpointAt(done));
    QCOMPARE(ring.atOrBefore(done)->running.done, done);
    QVERIFY(ring.count() <= 2);
  }
  QCOMPARE(ring.steps(), (std::vector<Index>{0, 50}));
  // A checkpoint that grows (a long history) pushes others out.
  CheckpointRing growing(1, checkpointAt(0, 1000)->bytes() * 3, 1000);
  for (Index done = 0; done <= 200; ++done) {
    growing.add(checkpointAt(done, static_cast<std::size_t>(done * 5)));
    QVERIFY(growing.bytes() <= checkpointAt(0, 1000)->bytes() * 3);
  }
  QCOMPARE(growing.steps().front(), Index{0});
  QCOMPARE(growing.steps().back(), Index{200});
}

void TestCheckpointRing::truncates() {
  CheckpointRing ring(2, 1 << 20, 100);
  for (Index done = 0; done <= 20; done += 2) ring.add(checkpointAt(done));
  ring.truncate(9);
  QCOMPARE(ring.steps(), (std::vector<Index>{0, 2, 4, 6, 8}));
  QVERIFY(ring.wants(10));
  ring.truncate(-1);
  QCOMPARE(ring.steps(), (std::vector<Index>{0}));
  ring.clear();
  QCOMPARE(ring.bytes(), Index{0});
  QVERIFY(ring.wants(0));
}

QTEST_APPLESS_MAIN(TestCheckpointRing)
#include "test_checkpoint_ring.moc"
