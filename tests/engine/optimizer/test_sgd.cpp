// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>

#include "engine/error.h"
#include "engine/optimizer/optimizer.h"

using namespace clipscope;

/// SGD against the update rule worked out step by step in double. (Whole trajectories of PyTorch
/// are reproduced by test_reference_files.)
class TestSgd : public QObject {
  Q_OBJECT

 private slots:
  void followsTheRule_data();
  void followsTheRule();
  void stateCarriesOver();
  void refuses_data();
  void refuses();
};

void TestSgd::followsTheRule_data() {
  QTest::addColumn<double>("momentum");
  QTest::addColumn<double>("dampening");
  QTest::addColumn<bool>("nesterov");
  QTest::addColumn<double>("decay");
  QTest::newRow("plain") << 0.0 << 0.0 << false << 0.0;
  QTest::newRow("decay") << 0.0 << 0.0 << false << 0.01;
  QTest::newRow("momentum") << 0.9 << 0.0 << false << 0.0;
  QTest::newRow("dampening") << 0.9 << 0.5 << false << 0.01;
  QTest::newRow("nesterov") << 0.8 << 0.0 << true << 0.02;
}

void TestSgd::followsTheRule() {
  QFETCH(double, momentum);
  QFETCH(double, dampening);
  QFETCH(bool, nesterov);
  QFETCH(double, decay);
  OptimizerSettings s;
  s.learningRate = 0.3;
  s.momentum = momentum;
  s.dampening = dampening;
  s.nesterov = nesterov;
  s.weightDecay = decay;
  const auto optimizer = makeOptimizer(s);
  AlignedVector<float> theta(37), g(37);
  std::vector<double> wanted(37), v(37);
  for (std::size_t k = 0; k < 37; ++k)
    wanted[k] = static_cast<double>(theta[k] = std::sin(static_cast<float>(k)));
  for (int step = 0; step < 5; ++step) {
    for (std::size_t k = 0; k < 37; ++k)
      g[k] = std::cos(static_cast<float>(k + 10 * static_cast<std::size_t>(step)));
    optimizer->step(theta, g);
    for (std::size_t k = 0; k < 37; ++k) {
      double d = static_cast<double>(g[k]) + decay * wanted[k];
      if (momentum != 0) {
        v[k] = step == 0 ? d : momentum * v[k] + (1 - dampening) * d;
        d = nesterov ? d + momentum * v[k] : v[k];
      }
      wanted[k] -= 0.3 * d;
      QVERIFY(std::abs(static_cast<double>(theta[k]) - wanted[k]) < 2e-6);
    }
  }
}

void TestSgd::stateCarriesOver() {
  OptimizerSettings s;
  s.momentum = 0.9;
  s.dampening = 0.3;
  AlignedVector<float> a(5, 1.0f), b(5, 1.0f), g(5, 0.5f);
  const auto first = makeOptimizer(s), second = makeOptimizer(s);
  for (int step = 0; step < 3; ++step) {
    first->step(a, g);
    second->step(b, g);
  }
  const auto third = makeOptimizer(s);
  third->setState(second->state());
  first->step(a, g);
  third->step(b, g);
  QVERIFY(a == b);
}

void TestSgd::refuses_data() {
  QTest::addColumn<QString>("field");
  for (const char* field :
       {"learning_rate", "momentum", "dampening", "weight_decay", "nesterov", "kind"})
    QTest::newRow(field) << QString::fromLatin1(field);
}

void TestSgd::refuses() {
  QFETCH(QString, field);
  OptimizerSettings s;
  if (field == "learning_rate") s.learningRate = -1;
  if (field == "momentum") s.momentum = -0.1;
  if (field == "dampening") s.dampening = std::nan("");
  if (field == "weight_decay") s.weightDecay = -1;
  if (field == "nesterov") s.nesterov = true;
  if (field == "kind") s.kind = "sdg";
  try {
    validateOptimizer(s);
  } catch (const SettingError& error) {
    QVERIFY2(QString::fromUtf8(error.what()).startsWith("optimizer." + field), error.what());
    return;
  }
  QFAIL("accepted");
}

QTEST_GUILESS_MAIN(TestSgd)
#include "test_sgd.moc"
