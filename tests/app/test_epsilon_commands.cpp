// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "tests/app/program.h"

using namespace clipscope;
using namespace clipscope::test;

/// `epsilon` and `noise-multiplier`: the accountants without a run.
class TestEpsilonCommands : public QObject {
  Q_OBJECT

 private slots:
  void epsilonAsOpacusHasIt();
  void theNoiseOfATarget();
  void whatHasNoAnswer();
  void refusals_data();
  void refusals();

 private:
  static double valueOf(const QString& text, const QString& name) {
    for (const QString& line : text.split('\n')) {
      const QStringList words = line.split(' ', Qt::SkipEmptyParts);
      if (words.size() >= 2 && words[0] == name) return words[1].toDouble();
    }
    return std::nan("");
  }
  Folder m_folder;
};

void TestEpsilonCommands::epsilonAsOpacusHasIt() {
  const QStringList steps{
      "--noise-multiplier", "1", "--sample-rate", "0.01", "--steps", "1000", "--delta", "1e-5"};
  Result r = call(QStringList{"epsilon"} + steps + QStringList{"--accountant", "all"}, m_folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  // Opacus 1.4: 2.1013652716430564.
  QVERIFY(std::abs(valueOf(r.out, "rdp-opacus") - 2.1013652716) < 1e-6);
  QVERIFY(valueOf(r.out, "rdp") <= valueOf(r.out, "rdp-opacus"));
  // Opacus 1.4: 1.6177118087467202, and not above the truth.
  QVERIFY(std::abs(valueOf(r.out, "gdp") - 1.6177118087) < 1e-8);
  QVERIFY(r.out.contains("not a bound"));
  QCOMPARE(r.out.count("not a bound"), 1);
  // The truth lies above 1.8261 (privacy loss distributions).
  QVERIFY(valueOf(r.out, "rdp") > 1.8261);
  // They bracket the truth between 1.8261 and 1.82824.
  QVERIFY(valueOf(r.out, "prv") > 1.8261 && valueOf(r.out, "prv") < 1.829);
  QVERIFY(r.out.contains("at least 1.8"));
  r = call(QStringList{"epsilon"} + steps + QStringList{"--accountant", "prv"}, m_folder);
  QVERIFY(valueOf(r.out, "prv") > 1.8261);
  QVERIFY(std::isnan(valueOf(r.out, "rdp")));
  r = call(QStringList{"epsilon"} + steps, m_folder);
  QVERIFY(std::isfinite(valueOf(r.out, "rdp")));
  QVERIFY(std::isnan(valueOf(r.out, "rdp-opacus")));
}

void TestEpsilonCommands::theNoiseOfATarget() {
  const QStringList steps{"--sample-rate", "0.01", "--steps", "1000", "--delta", "1e-5"};
  Result r = call(QStringList{"noise-multiplier", "--epsilon", "1"} + steps +
                      QStringList{"--accountant", "all"},
                  m_folder);
  QVERIFY2(r.code == 0, qPrintable(r.err));
  // The root of Opacus's ε, found by bisection to 1e-15: 1.5131221626072053.
  QVERIFY(std::abs(valueOf(r.out, "rdp-opacus") - 1.5131221626) < 1e-6);
  QVERIFY(valueOf(r.out, "prv") < valueOf(r.out, "rdp"));
  const QString sigma = QString::number(valueOf(r.out, "rdp"), 'g', 10);
  r = call(QStringList{"epsilon", "--noise-multiplier", sigma} + steps, m_folder);
  QVERIFY(std::abs(valueOf(r.out, "rdp") - 1) < 1e-6);
}

void TestEpsilonCommands::whatHasNoAnswer() {
  const QStringList steps{"--sample-rate", "0.01", "--steps", "10", "--delta", "1e-5"};
  Result r = call(QStringList{"epsilon", "--noise-multiplier", "0"} + steps, m_folder);
  QCOMPARE(r.code, 0);
  QVERIFY(std::isinf(valueOf(r.out, "rdp")));
  // Opacus's orders end at 63: its bound has a floor. With orders beyond there is an answer.
  const QStringList small = QStringList{"noise-multiplier", "--epsilon", "0.001"} + steps;
  r = call(small + QStringList{"--accountant", "rdp-opacus"}, m_folder);
  QCOMPARE(r.code, 2);
  QVERIFY2(r.err.contains("rdp"), qPrintable(r.err));
  r = call(small + QStringList{"--accountant", "all"}, m_folder);
  QCOMPARE(r.code, 0);
  QVERIFY2(valueOf(r.out, "rdp") > 1, qPrintable(r.out));
  QVERIFY(r.out.contains("none: no noise multiplier"));
}

void TestEpsilonCommands::refusals_data() {
  QTest::addColumn<QString>("option");
  QTest::addColumn<QString>("value");
  QTest::newRow("δ 0") << "--delta"
                       << "0";
  QTest::newRow("δ 1") << "--delta"
                       << "1";
  QTest::newRow("q above 1") << "--sample-rate"
                             << "1.5";
  QTest::newRow("q not a number") << "--sample-rate"
                                  << "nan";
  QTest::newRow("steps below 0") << "--steps"
                                 << "-1";
  QTest::newRow("σ below 0") << "--noise-multiplier"
                             << "-0.5";
  QTest::newRow("σ not a number") << "--noise-multiplier"
                                  << "nan";
  QTest::newRow("unknown") << "--accountant"
                           << "moments";
}

void TestEpsilonCommands::refusals() {
  QFETCH(QString, option);
  QFETCH(QString, value);
  QMap<QString, QString> options{{"--noise-multiplier", "1"},
                                 {"--sample-rate", "0.01"},
                                 {"--steps", "10"},
                                 {"--delta", "1e-5"},
                                 {"--accountant", "rdp"}};
  options[option] = value;
  QStringList line{"epsilon"};
  for (auto it = options.cbegin(); it != options.cend(); ++it) line << it.key() + "=" + it.value();
  const Result r = call(line, m_folder);
  QCOMPARE(r.code, 2);
  QVERIFY2(r.err.contains(option), qPrintable(r.err));
  QVERIFY(r.out.isEmpty());
}

QTEST_GUILESS_MAIN(TestEpsilonCommands)
#include "test_epsilon_commands.moc"
