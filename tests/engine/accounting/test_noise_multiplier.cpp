// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/accounting/accountant.h"
#include "engine/accounting/noise_multiplier.h"
#include "engine/error.h"
#include "tests/support/files.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

/// The noise multiplier of a target: against roots found by others, and against ε itself.
class TestNoiseMultiplier : public QObject {
  Q_OBJECT

 private slots:
  void meetsTheRoots();
  void inverseAndForwardMeet();
  void whatHasNoAnswer();
};

void TestNoiseMultiplier::meetsTheRoots() {
  const json file = json::parse(readAll(TEST_DATA_DIR "/reference/accounting/inverse.json"));
  int compared = 0;
  for (const json& row : file.at("rows")) {
    const NoiseTarget target{row.at("target_epsilon"), row.at("target_delta"),
                             row.at("sample_rate"), row.at("steps")};
    if (!row.contains("rdp_exact_root") || !row.at("rdp_exact_root").contains("noise_multiplier") ||
        !row.at("rdp_exact_root").at("noise_multiplier").is_number())
      continue;
    const double root = row.at("rdp_exact_root").at("noise_multiplier");
    const double sigma = noiseMultiplierFor("rdp-opacus", target);
    // The series of the peer, whose root this is, ends at an absolute e^-30.
    QVERIFY2(std::abs(sigma - root) <= 1e-6 * root,
             qPrintable(QString("ε %1: %2, root %3").arg(target.epsilon).arg(sigma).arg(root)));
    // More orders never ask for more noise.
    QVERIFY(noiseMultiplierFor("rdp", target) <= sigma * (1 + 1e-9));
    ++compared;
  }
  QVERIFY(compared >= 5);
}

void TestNoiseMultiplier::inverseAndForwardMeet() {
  for (const std::string name : {"rdp", "prv", "gdp"})
    for (const double epsilon : {1e-4, 0.01, 1.0, 30.0, 1000.0})
      for (const double q : {1e-4, 0.05, 1.0}) {
        const NoiseTarget target{epsilon, 1e-6, q, 500};
        const double sigma = noiseMultiplierFor(name, target);
        const auto spent = [&](double at) {
          const auto accountant = makeAccountant(name);
          accountant->add(at, q, 500);
          return accountant->epsilon(1e-6);
        };
        QVERIFY(spent(sigma) <= epsilon);
        // The upper end of prv moves by some millionths with its grid.
        const double less = sigma * (1 - (name == "prv" ? 1e-3 : 1e-6));
        QVERIFY2(
            spent(less) > epsilon,
            qPrintable(
                QString("%1 ε %2 q %3 σ %4").arg(name.c_str()).arg(epsilon).arg(q).arg(sigma)));
      }
}

void TestNoiseMultiplier::whatHasNoAnswer() {
  // Nothing is spent.
  QCOMPARE(noiseMultiplierFor("rdp", {1, 1e-5, 0.01, 0}), 0.0);
  QCOMPARE(noiseMultiplierFor("rdp", {1, 1e-5, 0, 100}), 0.0);
  // Opacus's orders have a floor.
  QVERIFY_EXCEPTION_THROWN(noiseMultiplierFor("rdp-opacus", {0.01, 1e-5, 0.01, 10}), SettingError);
  QVERIFY(noiseMultiplierFor("rdp", {0.01, 1e-5, 0.01, 10}) > 0);
  for (const NoiseTarget& wrong :
       {NoiseTarget{0, 1e-5, 0.01, 1}, NoiseTarget{std::nan(""), 1e-5, 0.01, 1},
        NoiseTarget{1, 0, 0.01, 1}, NoiseTarget{1, 1, 0.01, 1}, NoiseTarget{1, 1e-5, 1.1, 1},
        NoiseTarget{1, 1e-5, std::nan(""), 1}, NoiseTarget{1, 1e-5, 0.5, -1}})
    QVERIFY_EXCEPTION_THROWN(noiseMultiplierFor("rdp", wrong), SettingError);
}

QTEST_GUILESS_MAIN(TestNoiseMultiplier)
#include "test_noise_multiplier.moc"
