// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/accounting/accountant.h"
#include "engine/accounting/gaussian_mechanism.h"
#include "engine/accounting/gdp_accountant.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// The Gaussian mechanism's exact curve and the central limit theorem built on it: against figures
/// of 50 digits, against Opacus where its formula holds, and against quadrature of the definition.
class TestGdp : public QObject {
  Q_OBJECT

 private slots:
  void exactAtFullBatches();
  void agreesWithOpacusBelow();
  void theCurveIsItsDefinition();
  void thereAndBack();
  void extremes();
};

void TestGdp::exactAtFullBatches() {
  int compared = 0;
  const json grid = json::parse(readAll(TEST_DATA_DIR "/reference/accounting/grid.json"));
  for (const json& row : grid.at("rows")) {
    if (!row.contains("gaussian_exact")) continue;
    const double wanted = row.at("gaussian_exact").at("epsilon");
    GdpAccountant gdp;
    gdp.add(row.at("noise_multiplier"), 1, row.at("steps"));
    const double got = gdp.epsilon(row.at("delta"));
    // Opacus's μ gives 6.007 here where the first of these rows has 4.377.
    QVERIFY2(std::abs(got - wanted) <= 1e-11 * wanted,
             qPrintable(QString("%1, exact %2").arg(got, 0, 'g', 17).arg(wanted, 0, 'g', 17)));
    ++compared;
  }
  QVERIFY(compared >= 6);
}

void TestGdp::agreesWithOpacusBelow() {
  int compared = 0;
  const json grid = json::parse(readAll(TEST_DATA_DIR "/reference/accounting/grid.json"));
  for (const json& row : grid.at("rows")) {
    const json& peer = row.at("opacus_gdp");
    const double q = row.at("sample_rate");
    if (!(q > 0 && q < 1) || !peer.contains("mu_poisson")) continue;
    GdpAccountant gdp;
    gdp.add(row.at("noise_multiplier"), q, row.at("steps"));
    const double mu = peer.at("mu_poisson");
    QVERIFY(std::abs(gdp.mu() - mu) <= 1e-9 * mu);
    const double got = gdp.epsilon(row.at("delta"));
    if (peer.contains("epsilon_poisson")) {
      const double wanted = peer.at("epsilon_poisson");
      QVERIFY2(std::abs(got - wanted) <= 1e-8 * wanted,
               qPrintable(QString("%1, Opacus %2").arg(got, 0, 'g', 12).arg(wanted, 0, 'g', 12)));
    } else {
      // It found no bracket for its root: a small σ, or a δ so large that nothing is spent.
      QVERIFY(std::isfinite(got));
      QVERIFY(got > 500 || got == 0);
    }
    ++compared;
  }
  QVERIFY(compared >= 25);
}

void TestGdp::theCurveIsItsDefinition() {
  // δ(ε) = E over x ~ N(μ, 1) of (1 − e^{ε − L})₊ with the privacy loss L = μx − μ²/2.
  using Quadrature = boost::math::quadrature::gauss_kronrod<double, 61>;
  for (const double mu : {1e-3, 0.1, 1.0, 4.0, 30.0})
    for (const double sigmas : {-6.0, -1.5, 0.0, 1.0, 5.0}) {
      const double epsilon = std::max(0.0, mu * mu / 2 + sigmas * mu);
      const double from = epsilon / mu + mu / 2;
      const double first = std::max(from, mu - 12);
      const double wanted = 0.5 * std::erfc((std::max(from, mu + 12) - mu) / std::sqrt(2.0)) +
                            Quadrature::integrate(
                                [&](double x) {
                                  return -std::expm1(epsilon - mu * x + mu * mu / 2) *
                                         std::exp(-0.5 * (x - mu) * (x - mu)) / std::sqrt(2 * M_PI);
                                },
                                first, first + 24, 15, 1e-12);
      const double got = gaussianDelta(mu, epsilon);
      QVERIFY2(std::abs(got - wanted) <= 1e-9 * wanted, qPrintable(QString("μ %1 ε %2: %3, %4")
                                                                       .arg(mu)
                                                                       .arg(epsilon)
                                                                       .arg(got, 0, 'g', 12)
                                                                       .arg(wanted, 0, 'g', 12)));
    }
  QCOMPARE(gaussianDelta(0, 0), 0.0);
}

void TestGdp::thereAndBack() {
  for (const double mu : {1e-4, 0.02, 0.7, 3.0, 40.0, 1e4})
    for (const double delta : {0.3, 1e-3, 1e-6, 1e-12}) {
      const double epsilon = gaussianEpsilon(mu, delta);
      QVERIFY(epsilon >= 0);
      if (epsilon == 0)
        QVERIFY(gaussianDelta(mu, 0) <= delta * (1 + 1e-9));
      else
        QVERIFY2(std::abs(gaussianDelta(mu, epsilon) / delta - 1) < 1e-6,
                 qPrintable(QString("μ %1 δ %2").arg(mu).arg(delta)));
      // It grows with μ and with 1/δ.
      QVERIFY(gaussianEpsilon(mu * 1.01, delta) >= epsilon);
      QVERIFY(gaussianEpsilon(mu, delta * 0.9) >= epsilon);
    }
}

void TestGdp::extremes() {
  for (const double sigma : {1e-3, 0.05, 0.2, 1.0, 1e5})
    for (const double q : {0.0, 1e-9, 0.01, 1.0})
      for (const double delta : {0.3, 1e-5, 1e-12})
        for (const std::int64_t steps : {0, 1, 1000000}) {
          const auto gdp = makeAccountant("gdp");
          gdp->add(sigma, q, steps);
          const double epsilon = gdp->epsilon(delta);
          QVERIFY(epsilon >= 0);  // false for NaN as well
          if (q == 0 || steps == 0) QCOMPARE(epsilon, 0.0);
        }
  const auto gdp = makeAccountant("gdp");
  QCOMPARE(gdp->epsilon(1e-5), 0.0);
  QVERIFY(!gdp->isBound() && !accountantIsBound("gdp") && accountantIsBound("rdp"));
  QVERIFY(accountantIsBound("of a later version"));  // as a recording may have it
  gdp->add(0, 0.01, 1);
  QVERIFY(std::isinf(gdp->epsilon(1e-5)));
}

QTEST_GUILESS_MAIN(TestGdp)
#include "test_gdp.moc"
