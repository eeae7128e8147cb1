// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <random>

#include "engine/accounting/rdp_search.h"

using namespace clipscope;

/// The search leaves orders out and finds the same minimum.
class TestRdpSearch : public QObject {
  Q_OBJECT

 private slots:
  void sameAsAllOrders_data();
  void sameAsAllOrders();
  void leavesMostOut();
  void ends();
};

void TestRdpSearch::sameAsAllOrders_data() {
  QTest::addColumn<bool>("all");
  QTest::newRow("Opacus' orders") << false;
  QTest::newRow("all orders") << true;
}

void TestRdpSearch::sameAsAllOrders() {
  QFETCH(bool, all);
  std::mt19937_64 random(11);
  const auto logUniform = [&](double low, double high) {
    return std::exp(std::uniform_real_distribution(std::log(low), std::log(high))(random));
  };
  for (int run = 0; run < 40; ++run) {
    const double q = run % 8 == 0 ? 1 : logUniform(1e-6, 1);
    const auto steps = static_cast<std::int64_t>(logUniform(1, 1e6));
    const double delta = logUniform(1e-12, 0.3);
    const auto orders = all ? RdpAccountant::withAllOrders() : RdpAccountant::withOpacusOrders();
    RdpSearch search(orders, q, steps, delta);
    // As a search goes, and with a leap.
    double sigma = logUniform(0.3, 30);
    for (int look = 0; look < 4; ++look) {
      auto judge = all ? RdpAccountant::withAllOrders() : RdpAccountant::withOpacusOrders();
      judge.add(sigma, q, steps);
      const double wanted = judge.epsilon(delta), found = search.epsilon(sigma);
      QVERIFY2(
          std::isinf(wanted) ? std::isinf(found) : std::abs(found - wanted) <= 1e-12 * (1 + wanted),
          qPrintable(QStringLiteral("σ %1 q %2 T %3 δ %4: %5, not %6")
                         .arg(sigma)
                         .arg(q)
                         .arg(steps)
                         .arg(delta)
                         .arg(found, 0, 'g', 17)
                         .arg(wanted, 0, 'g', 17)));
      sigma *= look == 2 ? 6 : 1.1;
    }
  }
}

void TestRdpSearch::leavesMostOut() {
  const auto orders = RdpAccountant::withOpacusOrders();
  RdpSearch search(orders, 0.01, 1000, 1e-5);
  search.epsilon(1);
  QVERIFY(search.worked() < 40);
  search.epsilon(1.02);
  QVERIFY2(search.worked() < 15, qPrintable(QString::number(search.worked())));
}

void TestRdpSearch::ends() {
  const auto orders = RdpAccountant::withAllOrders();
  QCOMPARE(RdpSearch(orders, 0.01, 0, 1e-5).epsilon(1), 0.0);
  QCOMPARE(RdpSearch(orders, 0, 10, 1e-5).epsilon(1), 0.0);
  QVERIFY(std::isinf(RdpSearch(orders, 0.01, 10, 1e-5).epsilon(0)));
}

QTEST_GUILESS_MAIN(TestRdpSearch)
#include "test_rdp_search.moc"
