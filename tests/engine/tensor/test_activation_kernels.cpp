// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "engine/tensor/activation_kernels.h"

using namespace clipscope;

/// Activations against the C library in double: relative errors over the whole range, limits, NaN,
/// and what is left behind the last whole vector.
class TestActivationKernels : public QObject {
  Q_OBJECT

 private slots:
  void agreeWithTheLibrary_data();
  void agreeWithTheLibrary();
  void anyCountInPlace();
};

namespace {

using Map = void (*)(const float*, float*, Index);
using Gradient = void (*)(const float*, const float*, float*, Index);
using Reference = double (*)(double);

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double phi(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double bell(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }

struct Function {
  const char* name;
  Map forward;
  Reference value;
  Gradient backward;
  bool readsOutput;  ///< backward reads y, not x
  Reference slope;
};

const Function functions[] = {
    {"tanh", tanhForward, [](double x) { return std::tanh(x); }, tanhBackward, true,
     [](double x) { return 1 - std::tanh(x) * std::tanh(x); }},
    {"sigmoid", sigmoidForward, sigmoid, sigmoidBackward, true,
     [](double x) { return sigmoid(x) * (1 - sigmoid(x)); }},
    {"silu", siluForward, [](double x) { return x * sigmoid(x); }, siluBackward, false,
     [](double x) { return sigmoid(x) * (1 + x * (1 - sigmoid(x))); }},
    {"gelu", geluForward, [](double x) { return x * phi(x); }, geluBackward, false,
     [](double x) { return phi(x) + x * bell(x); }}};

}  // namespace

void TestActivationKernels::agreeWithTheLibrary_data() {
  QTest::addColumn<int>("which");
  for (int k = 0; k < 4; ++k) QTest::newRow(functions[k].name) << k;
}

void TestActivationKernels::agreeWithTheLibrary() {
  QFETCH(int, which);
  const Function& f = functions[which];
  std::vector<float> x;
  for (int k = -26000; k <= 26000; ++k) x.push_back(static_cast<float>(k) * 0.0005f);
  const auto whole = static_cast<Index>(x.size());
  std::vector<float> y(x.size()), dx(x.size()), dy(x.size(), 0.5f);
  f.forward(x.data(), y.data(), whole);
  f.backward(f.readsOutput ? y.data() : x.data(), dy.data(), dx.data(), whole);
  for (std::size_t k = 0; k < x.size(); ++k) {
    const double at = static_cast<double>(x[k]), wanted = f.value(at);
    const double error = std::abs(static_cast<double>(y[k]) - wanted);
    const double slopeError = std::abs(static_cast<double>(dx[k]) - 0.5 * f.slope(at));
    if (error <= 1e-6 * std::abs(wanted) && slopeError <= 1e-6) continue;
    QFAIL(qPrintable(QString("at %1: %2 wanted %3, slope off by %4")
                         .arg(at)
                         .arg(y[k])
                         .arg(wanted)
                         .arg(slopeError)));
  }
  // Far out, and where there is no number.
  const float infinity = std::numeric_limits<float>::infinity();
  const float ends[] = {1e30f, infinity, -90.0f, -1e30f, std::nanf("")};
  float out[5];
  f.forward(ends, out, 5);
  const bool grows = which >= 2;
  QCOMPARE(out[0], grows ? 1e30f : 1.0f);
  QCOMPARE(out[1], grows ? infinity : 1.0f);
  for (const int k : {2, 3}) QVERIFY(std::abs(out[k] - (which == 0 ? -1.0f : 0.0f)) < 1e-30f);
  QVERIFY(std::isnan(out[4]));
}

void TestActivationKernels::anyCountInPlace() {
  for (const Function& f : functions)
    for (Index count = 0; count < 40; ++count) {
      std::vector<float> x, alone(1);
      for (Index k = 0; k < count; ++k) x.push_back(std::sin(static_cast<float>(k)));
      std::vector<float> values = x;
      values.push_back(7.0f);
      f.forward(values.data(), values.data(), count);
      for (Index k = 0; k < count; ++k) {
        f.forward(x.data() + k, alone.data(), 1);
        QCOMPARE(values[static_cast<std::size_t>(k)], alone[0]);
      }
      QCOMPARE(values.back(), 7.0f);
    }
}

QTEST_GUILESS_MAIN(TestActivationKernels)
#include "test_activation_kernels.moc"
