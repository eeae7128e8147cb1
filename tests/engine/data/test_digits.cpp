// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>

#include "engine/data/digits.h"
#include "engine/error.h"

using namespace clipscope;

/// The generated digits. That a network learns them is test_learning's affair.
class TestDigits : public QObject {
  Q_OBJECT

 private slots:
  void followTheirSeed();
  void areTheSameForEver();
  void labelNoiseIsItsShare();
  void everyImageHasInk();
  void refuses();
};

void TestDigits::followTheirSeed() {
  DigitsSettings s;
  s.count = 200;
  const auto a = generateDigits(s), b = generateDigits(s);
  QVERIFY(a.pixels == b.pixels && a.labels == b.labels);
  // Example i does not depend on how many there are.
  s.count = 400;
  const auto longer = generateDigits(s);
  QVERIFY(std::equal(a.pixels.begin(), a.pixels.end(), longer.pixels.begin()));
  s.seed = 2;
  QVERIFY(generateDigits(s).pixels != longer.pixels);
}

/// FNV-1a of pixels and labels, from a drawing of every pixel in double.
void TestDigits::areTheSameForEver() {
  const auto hash = [](const DigitsSettings& settings) {
    const auto content = generateDigits(settings);
    std::uint64_t h = 1469598103934665603u;
    for (const std::uint8_t pixel : content.pixels) h = (h ^ pixel) * 1099511628211u;
    for (const int label : content.labels) h = (h ^ static_cast<unsigned>(label)) * 1099511628211u;
    return h;
  };
  DigitsSettings s;
  s.count = 2000;
  QCOMPARE(hash(s), std::uint64_t{0xe955bab525a80e26});
  s.difficulty = 0;
  s.outliers = 0;
  s.seed = 7;
  QCOMPARE(hash(s), std::uint64_t{0xfc219ebe6b1db663});
  s = {};
  s.count = 2000;
  s.difficulty = 1;
  s.outliers = 0.5;
  s.labelNoise = 0.1;
  QCOMPARE(hash(s), std::uint64_t{0x2e687f45b7296d41});
}

void TestDigits::labelNoiseIsItsShare() {
  DigitsSettings s;
  s.count = 5000;
  s.outliers = 0;
  s.labelNoise = 0;
  const auto clean = generateDigits(s);
  for (std::size_t i = 0; i < clean.labels.size(); ++i)
    QCOMPARE(clean.labels[i], static_cast<int>(i % 10));
  s.labelNoise = 0.2;
  const auto noisy = generateDigits(s);
  int wrong = 0;
  for (std::size_t i = 0; i < noisy.labels.size(); ++i)
    wrong += noisy.labels[i] != static_cast<int>(i % 10);
  // 1000 expected, standard deviation 28.3; five of them: 6e-7.
  QVERIFY2(std::abs(wrong - 1000) < 142, qPrintable(QString::number(wrong)));
}

void TestDigits::everyImageHasInk() {
  DigitsSettings s;
  s.count = 1000;
  for (const double difficulty : {0.0, 1.0}) {
    s.difficulty = difficulty;
    const auto content = generateDigits(s);
    QCOMPARE(content.pixels.size(), std::size_t{784000});
    for (std::size_t i = 0; i < 1000; ++i) {
      int ink = 0;
      for (std::size_t p = 0; p < 784; ++p) ink += content.pixels[784 * i + p] > 96;
      QVERIFY2(ink > 12, qPrintable(QString("image %1: %2 pixels").arg(i).arg(ink)));
    }
  }
}

void TestDigits::refuses() {
  const auto bad = [](auto change) {
    DigitsSettings s;
    change(s);
    QVERIFY_EXCEPTION_THROWN(generateDigits(s), SettingError);
  };
  bad([](DigitsSettings& s) { s.count = 19; });
  bad([](DigitsSettings& s) { s.count = 1000001; });
  bad([](DigitsSettings& s) { s.difficulty = 1.5; });
  bad([](DigitsSettings& s) { s.labelNoise = -0.1; });
  bad([](DigitsSettings& s) { s.outliers = 0.6; });
}

QTEST_GUILESS_MAIN(TestDigits)
#include "test_digits.moc"
