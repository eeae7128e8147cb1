// SPDX-License-Identifier: GPL-3.0-or-later
#include <omp.h>

#include <QTest>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/tensor/dense_product.h"

using namespace clipscope;

/// The dense layers' products against plain loops in double, at sizes that leave parts of tiles and
/// panels over; and their bits, which no cut may change.
class TestDenseProduct : public QObject {
  Q_OBJECT

 private slots:
  void agreesWithLoops();
  void bitsDoNotDependOnTheCuts();
  void reluKeepsNotANumber();
  void packsAndTransposes();
};

namespace {

using Floats = std::vector<float>;

std::size_t at(Index k) { return static_cast<std::size_t>(k); }

Floats drawn(Index count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(-1, 1);
  Floats values(at(count));
  for (float& v : values) v = value(random);
  return values;
}

/// The ways in which a layer multiplies: rows of A by rows, with B plain, packed or turned over,
/// and A turned over.
enum class Way { Plain, Packed, TurnedB, Turned };

struct Case {
  Way way;
  Index cells, columns, depth;
  Floats a, b, packed;

  Case(Way w, Index m, Index n, Index k)
      : way(w), cells(m), columns(n), depth(k), a(drawn(m * k, 1)), b(drawn(k * n, 2)) {
    if (way != Way::Packed) return;
    // b is {columns, depth} here.
    packed.resize(at(packedColumns(n, k)), -1.0f);
    packColumns(b.data(), n, k, packed.data());
  }
  bool byColumn() const { return way == Way::Packed || way == Way::TurnedB; }
  double entry(Index i, Index o) const {
    double sum = 0;
    for (Index j = 0; j < depth; ++j)
      sum += static_cast<double>(a[at(way == Way::Turned ? j * cells + i : i * depth + j)]) *
             static_cast<double>(b[at(byColumn() ? o * depth + j : j * columns + o)]);
    return sum;
  }
  DenseProduct product(Floats& c) const {
    DenseProduct p;
    p.cells = cells;
    p.columns = p.cStep = columns;
    p.depth = depth;
    p.a = a.data();
    p.aCell = way == Way::Turned ? 1 : depth;
    p.aStep = way == Way::Turned ? cells : 1;
    p.b = way == Way::Packed ? packed.data() : b.data();
    p.bPanel = way == Way::Packed ? depth * productPanel : productPanel;
    p.bStep = way == Way::Packed ? packedStep(columns) : way == Way::TurnedB ? depth : columns;
    p.bTurned = way == Way::TurnedB;
    p.c = c.data();
    return p;
  }
};

const std::vector<std::tuple<Index, Index, Index>> shapes{
    {1, 1, 1}, {7, 5, 3}, {13, 16, 8}, {15, 33, 129}, {120, 49, 20}, {130, 64, 70}, {3, 200, 31}};

}  // namespace

void TestDenseProduct::agreesWithLoops() {
  for (const Way way : {Way::Plain, Way::Packed, Way::TurnedB, Way::Turned})
    for (const auto& [m, n, k] : shapes) {
      const Case test(way, m, n, k);
      const Floats before = drawn(m * n, 3), byColumn = drawn(n, 4), byRow = drawn(m, 5);
      for (const int kind : {0, 1, 2, 3, 4}) {
        if (kind == 4 && way == Way::Turned) continue;  // no chains there
        Floats c = before;
        c.push_back(77.0f);  // behind the end
        DenseProduct p = test.product(c);
        p.adds = kind == 1;
        p.biasByRow = kind == 3;
        p.bias = kind == 2 || kind == 4 ? byColumn.data() : kind == 3 ? byRow.data() : nullptr;
        if (kind == 4) p.chains = DenseProduct::mostChains;
        multiply(p);
        for (Index i = 0; i < m; ++i)
          for (Index o = 0; o < n; ++o) {
            const double start = kind == 1   ? static_cast<double>(before[at(i * n + o)])
                                 : kind == 3 ? static_cast<double>(byRow[at(i)])
                                 : kind > 0  ? static_cast<double>(byColumn[at(o)])
                                             : 0.0;
            QVERIFY(std::abs(static_cast<double>(c[at(i * n + o)]) - start - test.entry(i, o)) <
                    2e-6 * static_cast<double>(k + 1));
          }
        QCOMPARE(c.back(), 77.0f);
      }
    }
}

void TestDenseProduct::bitsDoNotDependOnTheCuts() {
  const int threads = omp_get_max_threads();
  const Index m = 130, n = 210, k = 150;
  for (const Way way : {Way::Plain, Way::Packed, Way::TurnedB}) {
    const Case test(way, m, n, k);
    Floats two(at(m * n)), one(at(m * n)), row(at(n));
    omp_set_num_threads(2);
    multiply(test.product(two));
    omp_set_num_threads(1);
    multiply(test.product(one));
    QVERIFY(one == two);
    // A row alone.
    DenseProduct p = test.product(row);
    p.cells = 1;
    p.a += 57 * k;
    multiply(p);
    QVERIFY(std::equal(row.begin(), row.end(), one.begin() + 57 * n));
    // Half of the depth, then the rest on top of it.
    if (way != Way::Plain) continue;
    Floats halves(at(m * n));
    p = test.product(halves);
    p.depth = 60;
    multiply(p);
    p.adds = true;
    p.a += 60;
    p.b += 60 * n;
    p.depth = k - 60;
    multiply(p);
    QVERIFY(halves == one);
  }
  omp_set_num_threads(threads);
}

void TestDenseProduct::reluKeepsNotANumber() {
  const Index n = 20;
  Case test(Way::Plain, 2, n, 4);
  test.a[0] = std::numeric_limits<float>::quiet_NaN();
  Floats c(at(2 * n));
  DenseProduct p = test.product(c);
  p.relu = true;
  multiply(p);
  int zeros = 0;
  for (Index o = 0; o < n; ++o) {
    QVERIFY(std::isnan(c[at(o)]));
    const double wanted = std::max(0.0, test.entry(1, o));
    QVERIFY(std::abs(static_cast<double>(c[at(n + o)]) - wanted) < 1e-5);
    zeros += c[at(n + o)] == 0.0f;
  }
  QVERIFY(zeros > 0 && zeros < n);
}

void TestDenseProduct::packsAndTransposes() {
  for (const auto& [m, n] :
       {std::pair<Index, Index>{1, 1}, {5, 7}, {33, 18}, {70, 64}, {300, 200}}) {
    const Floats w = drawn(m * n, 6);
    Floats packed(at(packedColumns(m, n)), -1.0f), turned(at(m * n));
    packColumns(w.data(), m, n, packed.data());
    transpose(w.data(), m, n, turned.data());
    const Index step = packedStep(m);
    for (Index k = 0; k < (m + step - 1) / step * step; ++k)
      for (Index r = 0; r < n; ++r) {
        const float wanted = k < m ? w[at(k * n + r)] : 0.0f;
        QCOMPARE(packed[at((k / step * n + r) * step + k % step)], wanted);
        if (k < m) QCOMPARE(turned[at(r * m + k)], wanted);
      }
  }
}

QTEST_GUILESS_MAIN(TestDenseProduct)
#include "test_dense_product.moc"
