// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>
#include <vector>

#include "engine/tensor/gemm.h"

using namespace clipscope;

/// Matrix products against plain loops in double, at odd sizes, strides and scalings.
class TestGemm : public QObject {
  Q_OBJECT

 private slots:
  void agreesWithLoops();
};

void TestGemm::agreesWithLoops() {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> value(-1, 1);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true})
      for (const auto& [m, n, k] :
           {std::tuple<Index, Index, Index>{1, 1, 1}, {7, 5, 3}, {31, 17, 129}, {64, 1, 33}}) {
        const Index lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 3, ldc = n + 1;
        std::vector<float> a(static_cast<std::size_t>(lda * (ta ? k : m))),
            b(static_cast<std::size_t>(ldb * (tb ? n : k))), c(static_cast<std::size_t>(ldc * m));
        for (auto* values : {&a, &b, &c})
          for (float& v : *values) v = value(random);
        std::vector<double> wanted;
        for (Index i = 0; i < m; ++i)
          for (Index j = 0; j < n; ++j) {
            double sum = 0;
            for (Index p = 0; p < k; ++p)
              sum +=
                  static_cast<double>(a[static_cast<std::size_t>(ta ? p * lda + i : i * lda + p)]) *
                  static_cast<double>(b[static_cast<std::size_t>(tb ? j * ldb + p : p * ldb + j)]);
            wanted.push_back(0.7 * sum +
                             0.3 * static_cast<double>(c[static_cast<std::size_t>(i * ldc + j)]));
          }
        gemm(ta, tb, m, n, k, 0.7f, a.data(), lda, b.data(), ldb, 0.3f, c.data(), ldc);
        for (Index i = 0; i < m; ++i)
          for (Index j = 0; j < n; ++j)
            QVERIFY(std::abs(static_cast<double>(c[static_cast<std::size_t>(i * ldc + j)]) -
                             wanted[static_cast<std::size_t>(i * n + j)]) <
                    2e-6 * static_cast<double>(k + 1));
      }
}

QTEST_GUILESS_MAIN(TestGemm)
#include "test_gemm.moc"
