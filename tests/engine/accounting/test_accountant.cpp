// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/accounting/accountant.h"

using namespace clipscope;

/// Figures of Opacus 1.4.0 for the same orders and conversion.
class TestAccountant : public QObject {
  Q_OBJECT

 private slots:
  void agreesWithOpacus() {
    const auto accountant = makeAccountant("rdp-opacus");
    accountant->add(1.0, 0.01, 1000);
    QVERIFY(std::abs(accountant->epsilon(1e-5) - 2.1013652716430564) < 3e-6);
  }
  void emptyHistoryCostsNothing() { QCOMPARE(makeAccountant("rdp-opacus")->epsilon(1e-5), 0.0); }
  void noNoiseIsInfinite() {
    const auto accountant = makeAccountant("rdp-opacus");
    accountant->add(0.0, 0.01, 1);
    QVERIFY(std::isinf(accountant->epsilon(1e-5)));
  }
};

QTEST_GUILESS_MAIN(TestAccountant)
#include "test_accountant.moc"
