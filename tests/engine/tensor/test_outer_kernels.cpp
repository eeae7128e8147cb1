// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>
#include <vector>

#include "engine/tensor/outer_kernels.h"

using namespace clipscope;

/// What the witness forms gradients from, against plain loops.
class TestOuterKernels : public QObject {
  Q_OBJECT

 private slots:
  void outerSums();
  void centred();
  void squares();
};

namespace {

std::vector<float> drawn(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-1, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& v : values) v = value(random);
  return values;
}

}  // namespace

void TestOuterKernels::outerSums() {
  for (const Index outputs : {1, 3, 4, 9})
    for (const Index inputs : {1, 8, 17, 32, 49})
      for (const Index columns : {1, 3, 4, 11}) {
        OuterSum f;
        f.rows = 3;
        f.columns = columns;
        f.outputs = outputs;
        f.inputs = inputs;
        f.deltaStep = outputs + 1;
        f.deltaRow = columns * f.deltaStep + 5;
        f.inputStep = 2 * inputs;
        f.inputRow = columns * f.inputStep + 3;
        const auto delta = drawn(3 * f.deltaRow, 1), x = drawn(3 * f.inputRow, 2);
        f.delta = delta.data();
        f.x = x.data();
        std::vector<double> got(static_cast<std::size_t>(outputs * inputs), 0.5);
        addOuterSum(f, got.data());
        for (Index o = 0; o < outputs; ++o)
          for (Index i = 0; i < inputs; ++i) {
            double wanted = 0.5;
            for (Index r = 0; r < 3; ++r)
              for (Index t = 0; t < columns; ++t)
                wanted += static_cast<double>(f.delta[r * f.deltaRow + t * f.deltaStep + o]) *
                          static_cast<double>(f.x[r * f.inputRow + t * f.inputStep + i]);
            QVERIFY(std::abs(got[static_cast<std::size_t>(o * inputs + i)] - wanted) < 1e-13);
          }
      }
}

void TestOuterKernels::centred() {
  for (const Index channels : {1, 7, 8, 21}) {
    constexpr Index positions = 50;
    const auto x = drawn(positions * channels, 3), dy = drawn(positions * channels, 4);
    const auto centre = drawn(channels, 5);
    std::vector<CentredSums> sums(static_cast<std::size_t>(channels));
    centredSums(x.data(), dy.data(), positions, channels, centre.data(), sums.data());
    for (Index c = 0; c < channels; ++c) {
      CentredSums wanted;
      for (Index t = 0; t < positions; ++t) {
        const auto at = static_cast<std::size_t>(t * channels + c);
        const double v =
            static_cast<double>(x[at]) - static_cast<double>(centre[static_cast<std::size_t>(c)]);
        const double g = static_cast<double>(dy[at]);
        wanted.x += v;
        wanted.xx += v * v;
        wanted.dy += g;
        wanted.dyx += g * v;
      }
      const CentredSums& got = sums[static_cast<std::size_t>(c)];
      QVERIFY(std::abs(got.x - wanted.x) < 1e-12 && std::abs(got.xx - wanted.xx) < 1e-12);
      QVERIFY(std::abs(got.dy - wanted.dy) < 1e-12 && std::abs(got.dyx - wanted.dyx) < 1e-12);
    }
  }
}

void TestOuterKernels::squares() {
  for (const Index count : {0, 1, 31, 32, 33, 500}) {
    std::vector<double> values;
    double wanted = 0;
    for (Index k = 0; k < count; ++k) {
      values.push_back(std::sin(static_cast<double>(k)) * 1e100);
      wanted += values.back() * values.back();
    }
    QVERIFY(std::abs(sumSquares(values.data(), count) - wanted) <= 1e-13 * wanted);
  }
}

QTEST_GUILESS_MAIN(TestOuterKernels)
#include "test_outer_kernels.moc"
