// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>
#include <vector>

#include "engine/tensor/release_kernels.h"

using namespace clipscope;

/// The passes over noise and weights against loops in double: at counts that leave parts of
/// vectors over, and at sizes whose squares are no floats.
class TestReleaseKernels : public QObject {
  Q_OBJECT

 private slots:
  void agreeWithLoops_data();
  void agreeWithLoops();
  void aNanStaysOne();
};

namespace {

std::vector<float> drawn(Index count, unsigned seed, float scale) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-scale, scale);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = value(random);
  return values;
}

bool near(double got, double wanted, double relative) {
  return std::abs(got - wanted) <= relative * std::abs(wanted);
}

}  // namespace

void TestReleaseKernels::agreeWithLoops_data() {
  QTest::addColumn<int>("count");
  QTest::addColumn<float>("scale");
  for (const int count : {0, 1, 7, 63, 64, 65, 1000, 4096})
    for (const float scale : {1.0f, 1e-25f, 1e25f})
      QTest::addRow("%d values of %g", count, static_cast<double>(scale)) << count << scale;
}

void TestReleaseKernels::agreeWithLoops() {
  QFETCH(int, count);
  QFETCH(float, scale);
  const auto before = drawn(count, 1, scale), sum = drawn(count, 2, scale);
  auto noise = drawn(count, 3, scale);
  const std::vector<float> normals = noise;
  const double squares = scaleAndSquare(0.7f, noise.data(), count);
  double wanted = 0;
  for (std::size_t k = 0; k < noise.size(); ++k) {
    QCOMPARE(noise[k], 0.7f * normals[k]);
    wanted += static_cast<double>(noise[k]) * static_cast<double>(noise[k]);
  }
  QVERIFY(near(squares, wanted, 3e-7));

  std::vector<float> after(static_cast<std::size_t>(count) + 1, 77.0f);
  const DescentSquares moved =
      descend({0.25f, 0.125f, before.data(), sum.data(), noise.data(), after.data(), count});
  double norm = 0, change = 0;
  for (std::size_t k = 0; k < noise.size(); ++k) {
    const double old = static_cast<double>(before[k]), now = static_cast<double>(after[k]);
    const double step =
        0.25 * 0.125 * (static_cast<double>(sum[k]) + static_cast<double>(noise[k]));
    QVERIFY(std::abs(now - (old - step)) <= 3e-7 * static_cast<double>(scale));
    norm += now * now;
    change += (now - old) * (now - old);
  }
  QCOMPARE(after.back(), 77.0f);
  QVERIFY(near(moved.after, norm, 3e-7));
  QVERIFY(near(moved.change, change, 1e-5));
}

void TestReleaseKernels::aNanStaysOne() {
  std::vector<float> values(100, 1.0f);
  values[50] = std::nanf("");
  QVERIFY(std::isnan(scaleAndSquare(2.0f, values.data(), 100)));
}

QTEST_GUILESS_MAIN(TestReleaseKernels)
#include "test_release_kernels.moc"
