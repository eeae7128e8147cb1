// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/accounting/accountant.h"
#include "engine/accounting/privacy_loss.h"
#include "engine/accounting/prv_accountant.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// Accounting by the distribution of the privacy loss: against brackets that others' bounds give,
/// against closed forms, and against the Rényi bound.
class TestPrv : public QObject {
  Q_OBJECT

 private slots:
  void holdsTheTruth_data();
  void holdsTheTruth();
  void oneStepIsItsClosedForm();
  void latticeKeepsItsMoments();
  void neverAboveRenyi();
  void neverAboveRenyiWhereLatticesAreCoarse();
  void growsAsItMust();
  void growsStepByStep();
  void extremes();
  void ends();

 private:
  static json rows(const char* file) {
    return json::parse(readAll(std::string(TEST_DATA_DIR "/reference/accounting/") + file))
        .at("rows");
  }
  static EpsilonRange rangeOf(double sigma, double q, std::int64_t steps, double delta) {
    PrvAccountant prv;
    prv.add(sigma, q, steps);
    return prv.epsilonRange(delta);
  }
};

void TestPrv::holdsTheTruth_data() {
  QTest::addColumn<QString>("row");
  for (const char* file : {"grid.json", "history.json"}) {
    int at = 0;
    for (const json& row : rows(file))
      QTest::addRow("%s %d", file, at++) << QString::fromStdString(row.dump());
  }
}

void TestPrv::holdsTheTruth() {
  QFETCH(QString, row);
  const json r = json::parse(row.toStdString());
  PrvAccountant prv;
  const json history = r.contains("history") ? r.at("history") : json::array({r});
  for (const json& entry : history)
    prv.add(entry.at("noise_multiplier"), entry.at("sample_rate"), entry.at("steps"));
  const EpsilonRange range = prv.epsilonRange(r.at("delta"));
  QVERIFY(range.lower >= 0 && range.lower <= range.estimate && range.estimate <= range.upper);
  const json& truth = r.at("truth");
  if (!truth.contains("upper") || !truth.at("upper").is_number()) {
    // Without noise there is no other answer.
    QVERIFY(std::isinf(range.lower) && std::isinf(range.upper));
    return;
  }
  const double lower = truth.at("lower"), upper = truth.at("upper");
  QVERIFY2(range.upper >= lower * (1 - 1e-9) && range.lower <= upper * (1 + 1e-9),
           qPrintable(QString("%1 to %2").arg(range.lower).arg(range.upper)));
  // Connect-the-dots lies above the truth by the square of the spacing: a hundredth at a million
  // steps, else far less; rows whose ε is tiny have brackets that are wide themselves.
  QVERIFY2(range.upper <= upper * (upper < 0.1 ? 1.07 : 1.02),
           qPrintable(QString("%1, at most %2").arg(range.upper).arg(upper)));
  QVERIFY2(range.upper <= upper + (range.upper - range.lower) + 1e-9,
           qPrintable(QString("%1 to %2").arg(range.lower).arg(range.upper)));
}

void TestPrv::oneStepIsItsClosedForm() {
  int compared = 0;
  for (const json& row : rows("grid.json")) {
    if (!row.contains("exact_one_step")) continue;
    const json& exact = row.at("exact_one_step");
    const double wanted = std::max(exact.at("remove").get<double>(), exact.at("add").get<double>());
    const EpsilonRange range =
        rangeOf(row.at("noise_multiplier"), row.at("sample_rate"), 1, row.at("delta"));
    QVERIFY(range.lower <= wanted * (1 + 1e-9));
    QVERIFY2(range.upper >= wanted * (1 - 1e-9) && range.upper <= wanted * (1 + 1e-4),
             qPrintable(QString("%1, exact %2").arg(range.upper, 0, 'g', 10).arg(wanted)));
    ++compared;
  }
  QVERIFY(compared >= 2);
}

void TestPrv::latticeKeepsItsMoments() {
  for (const auto direction : {LossDirection::Remove, LossDirection::Add})
    for (const double sigma : {0.4, 1.0, 8.0})
      for (const double q : {1e-4, 0.05, 0.9, 1.0})
        for (const double spacing : {1e-3, 0.07}) {
          const PrivacyLoss loss(sigma, q, direction, 1e-18);
          const LossLattice lattice = loss.onLattice(spacing, -1e300, 0);
          double mass = lattice.infinite, ratio = 0;
          for (std::size_t i = 0; i < lattice.mass.size(); ++i) {
            QVERIFY(lattice.mass[i] >= 0);
            mass += lattice.mass[i];
            ratio += lattice.mass[i] *
                     std::exp(-spacing * static_cast<double>(lattice.first + static_cast<long>(i)));
          }
          QVERIFY2(std::abs(mass - 1) < 1e-10,
                   qPrintable(QString("σ %1 q %2 %3").arg(sigma).arg(q).arg(mass - 1)));
          // E[e^{−loss}] is the mass of the neighbour's distribution where this one has any.
          QVERIFY2(std::abs(ratio - 1) < 1e-7,
                   qPrintable(QString("σ %1 q %2 %3").arg(sigma).arg(q).arg(ratio - 1)));
        }
}

void TestPrv::neverAboveRenyi() {
  for (const double sigma : {0.5, 1.0, 4.0})
    for (const double q : {1e-3, 0.02, 0.5})
      for (const std::int64_t steps : {1, 100, 5000})
        for (const double delta : {1e-3, 1e-6, 1e-10}) {
          const auto rdp = makeAccountant("rdp");
          rdp->add(sigma, q, steps);
          const double bound = rdp->epsilon(delta);
          const EpsilonRange range = rangeOf(sigma, q, steps, delta);
          QVERIFY2(range.upper <= bound, qPrintable(QString("σ %1 q %2 T %3 δ %4: %5, Rényi %6")
                                                        .arg(sigma)
                                                        .arg(q)
                                                        .arg(steps)
                                                        .arg(delta)
                                                        .arg(range.upper)
                                                        .arg(bound)));
        }
}

void TestPrv::neverAboveRenyiWhereLatticesAreCoarse() {
  struct Case {
    double sigma, q;
    std::int64_t steps;
    double delta;
  };
  for (const Case& c :
       {Case{0.528, 6.872e-5, 427670, 6.23e-11}, Case{0.8552, 9.512e-5, 286162, 2.69e-9},
        Case{1.639, 0.956, 103021, 1.39e-5}, Case{0.4291, 0.2919, 413396, 1.33e-9}}) {
    const auto rdp = makeAccountant("rdp");
    rdp->add(c.sigma, c.q, c.steps);
    const EpsilonRange range = rangeOf(c.sigma, c.q, c.steps, c.delta);
    QVERIFY(range.upper <= rdp->epsilon(c.delta));
    QVERIFY(range.lower > 0 && range.lower <= range.estimate && range.estimate <= range.upper);
  }
}

void TestPrv::growsStepByStep() {
  // What is kept from one history to the next must not show in the answers.
  PrvAccountant grown;
  std::vector<std::vector<AccountedSteps>> past;
  std::vector<double> answers;
  double before = 0;
  for (int step = 1; step <= 300; ++step) {
    grown.add(step <= 200 ? 1.0 : 1.0 + 0.01 * (step / 10), step == 250 ? 1.0 : 0.02, 1);
    const double epsilon = grown.epsilon(1e-6);
    QVERIFY2(epsilon > before, qPrintable(QString("at step %1").arg(step)));
    before = epsilon;
    past.push_back(grown.history());
    answers.push_back(epsilon);
  }
  for (const std::size_t step : {0, 1, 63, 64, 199, 200, 201, 249, 250, 299}) {
    PrvAccountant fresh;
    fresh.setHistory(past[step]);
    QCOMPARE(fresh.epsilon(1e-6), answers[step]);
    grown.setHistory(past[step]);  // back and forth
    QCOMPARE(grown.epsilon(1e-6), answers[step]);
  }
  // Another δ between.
  grown.setHistory(past[99]);
  QVERIFY(grown.epsilon(1e-9) > answers[99]);
  QCOMPARE(grown.epsilon(1e-6), answers[99]);
}

void TestPrv::growsAsItMust() {
  const double start = rangeOf(1, 0.01, 300, 1e-6).estimate;
  QVERIFY(rangeOf(1, 0.01, 330, 1e-6).estimate > start);
  QVERIFY(rangeOf(1, 0.011, 300, 1e-6).estimate > start);
  QVERIFY(rangeOf(0.95, 0.01, 300, 1e-6).estimate > start);
  QVERIFY(rangeOf(1, 0.01, 300, 5e-7).estimate > start);
  // What the steps were added as does not matter, nor their order beyond rounding.
  PrvAccountant parts, turned;
  for (const double sigma : {1.0, 1.5, 1.0}) parts.add(sigma, 0.01, 100);
  for (const double sigma : {1.5, 1.0, 1.0}) turned.add(sigma, 0.01, 100);
  const double one = parts.epsilonRange(1e-6).estimate, other = turned.epsilonRange(1e-6).estimate;
  QVERIFY(std::abs(one - other) < 1e-4 * one);
  // From a history: the same to the bit.
  PrvAccountant again;
  again.setHistory(parts.history());
  QCOMPARE(again.epsilon(1e-6), parts.epsilon(1e-6));
}

void TestPrv::extremes() {
  for (const double sigma : {0.2, 1.0, 1e3, 1e5})
    for (const double q : {1e-9, 1e-4, 0.5, 1.0})
      for (const std::int64_t steps : {1, 1000000})
        for (const double delta : {0.3, 1e-12}) {
          const EpsilonRange range = rangeOf(sigma, q, steps, delta);
          const QString where = QString("σ %1 q %2 T %3 δ %4: %5 to %6")
                                    .arg(sigma)
                                    .arg(q)
                                    .arg(steps)
                                    .arg(delta)
                                    .arg(range.lower)
                                    .arg(range.upper);
          QVERIFY2(std::isfinite(range.upper), qPrintable(where));
          QVERIFY2(range.lower >= 0 && range.upper >= range.lower, qPrintable(where));
        }
}

void TestPrv::ends() {
  QCOMPARE(PrvAccountant().epsilon(1e-5), 0.0);
  QCOMPARE(rangeOf(1, 0, 1000, 1e-5).upper, 0.0);
  QVERIFY(std::isinf(rangeOf(0, 0.01, 1, 1e-5).lower));
  QCOMPARE(rangeOf(0, 0, 5, 1e-5).upper, 0.0);
}

QTEST_GUILESS_MAIN(TestPrv)
#include "test_prv.moc"
