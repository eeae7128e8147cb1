// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "engine/model/loss.h"

using namespace clipscope;

/// Binary cross-entropy against its closed form, where that is easy and where it overflows; and
/// what each loss says of outputs and targets that do not fit it.
class TestLoss : public QObject {
  Q_OBJECT

 private slots:
  void binaryClosedForm_data();
  void binaryClosedForm();
  void binaryMeanOverOutputs();
  void binaryClasses();
  void refuses_data();
  void refuses();
};

void TestLoss::binaryClosedForm_data() {
  QTest::addColumn<double>("z");
  QTest::addColumn<double>("t");
  QTest::addColumn<double>("loss");
  QTest::addColumn<double>("gradient");
  const double log2 = std::numbers::ln2;
  QTest::newRow("undecided") << 0.0 << 1.0 << log2 << -0.5;
  QTest::newRow("undecided, half a target") << 0.0 << 0.5 << log2 << 0.0;
  // σ(ln 3) = 3/4.
  QTest::newRow("three to one, right") << std::log(3.0) << 1.0 << std::log(4.0 / 3) << -0.25;
  QTest::newRow("three to one, wrong") << std::log(3.0) << 0.0 << std::log(4.0) << 0.75;
  QTest::newRow("three to one, a quarter")
      << std::log(3.0) << 0.25 << 0.25 * std::log(4.0 / 3) + 0.75 * std::log(4.0) << 0.5;
  QTest::newRow("certain and right") << 40.0 << 1.0 << std::exp(-40.0) << -std::exp(-40.0);
  QTest::newRow("certain and right, 0") << -40.0 << 0.0 << std::exp(-40.0) << std::exp(-40.0);
  QTest::newRow("certain and wrong") << -1e4 << 1.0 << 1e4 << -1.0;
  QTest::newRow("certain and wrong, 0") << 1e4 << 0.0 << 1e4 << 1.0;
}

void TestLoss::binaryClosedForm() {
  QFETCH(double, z);
  QFETCH(double, t);
  QFETCH(double, loss);
  QFETCH(double, gradient);
  const float output = static_cast<float>(z), target = static_cast<float>(t);
  float got = -1, slope = -2;
  int prediction = 7;
  makeLoss("bce_with_logits")
      ->evaluate({&output, 1, 1}, {nullptr, &target}, &got, &prediction, {&slope, 1, 1});
  // The logarithms are rounded to float on the way in.
  QVERIFY(std::abs(static_cast<double>(got) - loss) <= 1e-6 * std::abs(loss));
  QVERIFY(std::abs(static_cast<double>(slope) - gradient) <= 1e-6 * std::abs(gradient) + 1e-30);
  QCOMPARE(prediction, -1);
}

void TestLoss::binaryMeanOverOutputs() {
  const float output[] = {0.3f, -1.2f, 2.5f, -0.7f, 0.0f, 1.1f};
  const float target[] = {1.0f, 0.25f, 0.0f, 0.5f, 1.0f, 0.75f};
  float losses[2], slopes[6];
  makeLoss("bce_with_logits")
      ->evaluate({output, 2, 3}, {nullptr, target}, losses, nullptr, {slopes, 2, 3});
  for (int i = 0; i < 2; ++i) {
    double sum = 0;
    for (int k = 3 * i; k < 3 * i + 3; ++k) {
      const double p = 1 / (1 + std::exp(-static_cast<double>(output[k])));
      const double t = static_cast<double>(target[k]);
      sum -= t * std::log(p) + (1 - t) * std::log(1 - p);
      QVERIFY(std::abs(static_cast<double>(slopes[k]) - (p - t) / 3) < 1e-7);
    }
    QVERIFY(std::abs(static_cast<double>(losses[i]) - sum / 3) < 1e-6);
  }
}

void TestLoss::binaryClasses() {
  const float output[] = {2.0f, -2.0f, 0.0f, 2.0f};
  const int labels[] = {1, 0, 1, 0};
  float losses[4], slopes[4];
  int predictions[4];
  makeLoss("bce_with_logits")
      ->evaluate({output, 4, 1}, {labels, nullptr}, losses, predictions, {slopes, 4, 1});
  const int wanted[] = {1, 0, 0, 1};
  const double right = std::log1p(std::exp(-2.0)), wrong = std::log1p(std::exp(2.0));
  const double values[] = {right, right, std::numbers::ln2, wrong};
  for (int i = 0; i < 4; ++i) {
    QCOMPARE(predictions[i], wanted[i]);
    QVERIFY(std::abs(static_cast<double>(losses[i]) - values[i]) < 1e-6);
    QVERIFY((slopes[i] < 0) == (labels[i] == 1));
  }
}

void TestLoss::refuses_data() {
  QTest::addColumn<QString>("loss");
  QTest::addColumn<QList<int>>("output");
  QTest::addColumn<bool>("classes");
  QTest::addColumn<int>("count");
  QTest::addColumn<QStringList>("words");
  const QStringList none;
  QTest::newRow("two classes") << "bce_with_logits" << QList<int>{1} << true << 2 << none;
  QTest::newRow("values") << "bce_with_logits" << QList<int>{4} << false << 4 << none;
  QTest::newRow("three classes") << "bce_with_logits" << QList<int>{1} << true << 3
                                 << QStringList{"two classes", "has 3", "cross_entropy"};
  QTest::newRow("two scores") << "bce_with_logits" << QList<int>{2} << true << 2
                              << QStringList{"gives 2", "one score", "narrow"};
  QTest::newRow("other width") << "bce_with_logits" << QList<int>{3} << false << 4
                               << QStringList{"3", "4 targets"};
  QTest::newRow("classes for mse")
      << "mse" << QList<int>{2} << true << 2 << QStringList{"mse", "classes", "cross_entropy"};
  QTest::newRow("values for cross-entropy") << "cross_entropy" << QList<int>{2} << false << 2
                                            << QStringList{"cross_entropy", "real targets", "mse"};
  QTest::newRow("too few scores") << "cross_entropy" << QList<int>{2} << true << 3
                                  << QStringList{"2 scores", "3 classes"};
}

void TestLoss::refuses() {
  QFETCH(QString, loss);
  QFETCH(QList<int>, output);
  QFETCH(bool, classes);
  QFETCH(int, count);
  QFETCH(QStringList, words);
  const auto made = makeLoss(loss.toStdString());
  QCOMPARE(made->name(), loss.toStdString());
  QString message;
  try {
    made->check(Shape(std::vector<Index>(output.begin(), output.end())), {classes, count});
  } catch (const SpecError& error) {
    message = QString::fromUtf8(error.what());
  }
  QCOMPARE(message.isEmpty(), words.isEmpty());
  for (const QString& word : words) QVERIFY2(message.contains(word), qPrintable(message));

  if (loss != "bce_with_logits") return;
  made->checkTarget(0.0f, 0);
  made->checkTarget(1.0f, 0);
  QVERIFY_THROWS_EXCEPTION(SpecError, made->checkTarget(1.5f, 0));
  QVERIFY_THROWS_EXCEPTION(SpecError, made->checkTarget(-0.1f, 0));
  QVERIFY_THROWS_EXCEPTION(SpecError, made->checkTarget(std::nanf(""), 0));
}

QTEST_GUILESS_MAIN(TestLoss)
#include "test_loss.moc"
