// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <functional>
#include <vector>

#include "engine/error.h"
#include "engine/optimizer/optimizer.h"

using namespace clipscope;

/// Adam, AMSGrad, AdamW, RMSprop and Adagrad against the update rules written out in double, one
/// weight at a time. (Whole trajectories of PyTorch are reproduced by test_reference_files.)
class TestAdaptiveOptimizers : public QObject {
  Q_OBJECT

 private slots:
  void followsTheRule_data();
  void followsTheRule();
  void theFirstStepIsClosed();
  void decayComesInItsOrder();
  void zeroGradientsStayFinite_data();
  void zeroGradientsStayFinite();
  void stateIsComplete_data();
  void stateIsComplete();
  void partsMakeTheWhole_data();
  void partsMakeTheWhole();
  void buffersComeAndGo();
  void refuses_data();
  void refuses();
};

namespace {

OptimizerSettings settings(const QString& name) {
  OptimizerSettings s;
  s.learningRate = 0.05;
  s.kind = name.section(' ', 0, 0).toStdString();
  if (name.contains("decay")) s.weightDecay = 0.03;
  if (name.contains("amsgrad")) s.amsgrad = true;
  if (name.contains("centred")) s.centered = true;
  if (name.contains("momentum")) s.momentum = 0.7;
  if (name.contains("slowing")) s.learningRateDecay = 0.2;
  if (name.contains("start")) s.initialAccumulator = 0.3;
  if (name.contains("other")) {
    s.beta1 = 0.5;
    s.beta2 = 0.8;
    s.alpha = 0.6;
    s.eps = 0.01;
    s.adagradEps = 0.02;
  }
  if (name.contains("no memory")) s.beta1 = s.beta2 = 0;
  return s;
}

const QStringList& cases() {
  static const QStringList list{"adam",
                                "adam other decay",
                                "adam amsgrad other",
                                "adam amsgrad decay",
                                "adam no memory",
                                "adamw decay",
                                "adamw amsgrad other decay",
                                "rmsprop",
                                "rmsprop other decay",
                                "rmsprop centred",
                                "rmsprop momentum",
                                "rmsprop centred momentum other decay",
                                "adagrad",
                                "adagrad slowing start decay",
                                "adagrad other"};
  return list;
}

void addCases() {
  QTest::addColumn<QString>("name");
  for (const QString& name : cases()) QTest::newRow(qPrintable(name)) << name;
}

/// One weight and its memory, in double.
struct Oracle {
  OptimizerSettings s;
  double theta = 0, m = 0, v = 0, largest = 0, average = 0, velocity = 0;
  int t = 0;

  void step(double g) {
    ++t;
    if (s.kind == "adamw")
      theta *= 1 - s.learningRate * s.weightDecay;
    else
      g += s.weightDecay * theta;
    if (s.kind == "adam" || s.kind == "adamw") {
      m = s.beta1 * m + (1 - s.beta1) * g;
      v = s.beta2 * v + (1 - s.beta2) * g * g;
      largest = std::max(largest, v);
      const double used = s.amsgrad ? largest : v;
      theta -= s.learningRate / (1 - std::pow(s.beta1, t)) * m /
               (std::sqrt(used) / std::sqrt(1 - std::pow(s.beta2, t)) + s.eps);
    } else if (s.kind == "rmsprop") {
      v = s.alpha * v + (1 - s.alpha) * g * g;
      average = s.alpha * average + (1 - s.alpha) * g;
      const double used = s.centered ? v - average * average : v;
      const double step = g / (std::sqrt(used) + s.eps);
      velocity = s.momentum * velocity + step;
      theta -= s.learningRate * (s.momentum > 0 ? velocity : step);
    } else {
      if (t == 1) v = s.initialAccumulator;
      v += g * g;
      theta -=
          s.learningRate / (1 + (t - 1) * s.learningRateDecay) * g / (std::sqrt(v) + s.adagradEps);
    }
  }
};

constexpr std::size_t size = 37;

float gradientAt(std::size_t weight, int step) {
  // Away from 0, where a normalising rule turns on the last bit of a gradient.
  const float wave = std::cos(static_cast<float>(weight + 10 * static_cast<std::size_t>(step)));
  return wave + (wave < 0 ? -0.2f : 0.2f);
}

void fill(AlignedVector<float>& g, int step) {
  for (std::size_t k = 0; k < g.size(); ++k) g[k] = gradientAt(k, step);
}

AlignedVector<float> start() {
  AlignedVector<float> theta(size);
  for (std::size_t k = 0; k < size; ++k) theta[k] = std::sin(static_cast<float>(k));
  return theta;
}

}  // namespace

void TestAdaptiveOptimizers::followsTheRule_data() { addCases(); }

void TestAdaptiveOptimizers::followsTheRule() {
  QFETCH(QString, name);
  const OptimizerSettings s = settings(name);
  const auto optimizer = makeOptimizer(s);
  QCOMPARE(std::string(optimizer->name()), s.kind);
  AlignedVector<float> theta = start(), g(size);
  std::vector<Oracle> oracles(size);
  for (std::size_t k = 0; k < size; ++k) {
    oracles[k].s = s;
    oracles[k].theta = static_cast<double>(theta[k]);
  }
  for (int step = 0; step < 8; ++step) {
    fill(g, step);
    optimizer->step(theta, g);
    for (std::size_t k = 0; k < size; ++k) {
      oracles[k].step(static_cast<double>(g[k]));
      // The centred rule cancels: s − a² on the first steps is a tenth of s.
      const double error = std::abs(static_cast<double>(theta[k]) - oracles[k].theta);
      QVERIFY2(error < (s.centered ? 2e-5 : 3e-6), qPrintable(QString::number(error)));
    }
  }
}

void TestAdaptiveOptimizers::theFirstStepIsClosed() {
  // Adam: m/(1 − β₁) = g and v/(1 − β₂) = g², so the first step is η sign(g) whatever the betas.
  // RMSprop: √s = √(1 − α)|g|. Adagrad: √s = |g|.
  for (const auto& [kind, wanted] :
       {std::pair{"adam", 0.05}, {"adamw", 0.05}, {"rmsprop", 0.5}, {"adagrad", 0.05}}) {
    OptimizerSettings s = settings(kind);
    const auto optimizer = makeOptimizer(s);
    AlignedVector<float> theta(3, 0.0f), g{0.25f, -8.0f, 1e-3f};
    optimizer->step(theta, g);
    QVERIFY(std::abs(static_cast<double>(theta[0]) + wanted) < 1e-5);
    QVERIFY(std::abs(static_cast<double>(theta[1]) - wanted) < 1e-5);
    QVERIFY(std::abs(static_cast<double>(theta[2]) + wanted) < 1e-4 * wanted + 1e-5);
  }
}

void TestAdaptiveOptimizers::decayComesInItsOrder() {
  // With no gradient, Adam turns the decay into a step of η whatever λ; AdamW shrinks by 1 − ηλ and
  // moves no further.
  for (const double decay : {0.01, 0.5}) {
    OptimizerSettings s = settings("adam");
    s.weightDecay = decay;
    AlignedVector<float> theta(2, 2.0f), zero(2, 0.0f);
    makeOptimizer(s)->step(theta, zero);
    QVERIFY(std::abs(static_cast<double>(theta[0]) - (2 - 0.05)) < 1e-5);
    s.kind = "adamw";
    theta.assign(2, 2.0f);
    makeOptimizer(s)->step(theta, zero);
    QCOMPARE(theta[0], static_cast<float>(2.0 * (1 - 0.05 * decay)));
  }
}

void TestAdaptiveOptimizers::zeroGradientsStayFinite_data() { addCases(); }

void TestAdaptiveOptimizers::zeroGradientsStayFinite() {
  QFETCH(QString, name);
  OptimizerSettings s = settings(name);
  s.weightDecay = 0;
  const auto optimizer = makeOptimizer(s);
  AlignedVector<float> theta = start(), zero(size, 0.0f);
  for (int step = 0; step < 3; ++step) optimizer->step(theta, zero);
  QVERIFY(theta == start());
  // A constant gradient takes the centred square to 0 and rounding below it.
  AlignedVector<float> constant(size, 0.3f);
  for (int step = 0; step < 400; ++step) optimizer->step(theta, constant);
  for (const float value : theta) QVERIFY(std::isfinite(value));
}

void TestAdaptiveOptimizers::stateIsComplete_data() { addCases(); }

void TestAdaptiveOptimizers::stateIsComplete() {
  QFETCH(QString, name);
  const OptimizerSettings s = settings(name);
  AlignedVector<float> a = start(), b = start(), g(size);
  const auto first = makeOptimizer(s), second = makeOptimizer(s);
  for (int step = 0; step < 4; ++step) {
    fill(g, step);
    first->step(a, g);
    second->step(b, g);
  }
  const OptimizerState kept = second->state();
  QCOMPARE(kept.steps, Index{4});
  const auto third = makeOptimizer(s);
  third->setState(kept);
  for (int step = 4; step < 8; ++step) {
    fill(g, step);
    first->step(a, g);
    third->step(b, g);
    QVERIFY(a == b);
  }
  // And back: a state taken earlier is not changed by the steps after it.
  second->setState(kept);
  QVERIFY(second->state().buffers == kept.buffers);
  // Without the state the trajectory is another.
  const auto fresh = makeOptimizer(s);
  AlignedVector<float> c = a;
  first->step(a, g);
  fresh->step(c, g);
  QVERIFY(name.contains("no memory") || a != c);
}

void TestAdaptiveOptimizers::partsMakeTheWhole_data() { addCases(); }

void TestAdaptiveOptimizers::partsMakeTheWhole() {
  QFETCH(QString, name);
  const OptimizerSettings s = settings(name);
  const auto whole = makeOptimizer(s), parts = makeOptimizer(s);
  AlignedVector<float> a(48), b(48), g(48);
  for (std::size_t k = 0; k < 48; ++k) a[k] = b[k] = std::sin(static_cast<float>(k));
  for (int step = 0; step < 4; ++step) {
    fill(g, step);
    whole->step(a, g);
    parts->beginStep(b.size());
    // Ranges as chunks have them, a multiple of a vector long; the last one first.
    for (const std::size_t from : {32, 0, 16})
      parts->stepRange(std::span(b).subspan(from, 16), std::span<const float>(g).subspan(from, 16),
                       static_cast<Index>(from));
    QVERIFY(a == b);
  }
}

void TestAdaptiveOptimizers::buffersComeAndGo() {
  // Settings may change in the middle of a run; the memory they share goes on.
  OptimizerSettings plain = settings("adam"), largest = settings("adam amsgrad");
  AlignedVector<float> a = start(), b = start(), g(size);
  auto one = makeOptimizer(plain), two = makeOptimizer(plain);
  fill(g, 0);
  one->step(a, g);
  two->step(b, g);
  auto changed = makeOptimizer(largest);
  changed->setState(two->state());
  // v grows from a larger gradient, so that the maximum is v and nothing differs yet.
  for (float& value : g) value *= 4;
  one->step(a, g);
  changed->step(b, g);
  QVERIFY(a == b);
  QCOMPARE(changed->state().buffers[2].size(), size);
  auto back = makeOptimizer(plain);
  back->setState(changed->state());
  back->step(b, g);
  QVERIFY(back->state().buffers[2].empty());
}

void TestAdaptiveOptimizers::refuses_data() {
  QTest::addColumn<QString>("field");
  for (const char* field : {"beta1", "beta2", "eps", "alpha", "learning_rate_decay",
                            "initial_accumulator_value", "adagrad_eps", "kind"})
    QTest::newRow(field) << QString::fromLatin1(field);
}

void TestAdaptiveOptimizers::refuses() {
  QFETCH(QString, field);
  OptimizerSettings s;
  if (field == "beta1") s.beta1 = 1;
  if (field == "beta2") s.beta2 = -0.1;
  if (field == "eps") s.eps = 0;
  if (field == "alpha") s.alpha = std::nan("");
  if (field == "learning_rate_decay") s.learningRateDecay = -1;
  if (field == "initial_accumulator_value") s.initialAccumulator = -1;
  if (field == "adagrad_eps") s.adagradEps = 1e-45;
  if (field == "kind") s.kind = "Adam";
  try {
    validateOptimizer(s);
  } catch (const SettingError& error) {
    QVERIFY2(QString::fromUtf8(error.what()).startsWith("optimizer." + field), error.what());
    return;
  }
  QFAIL("accepted");
}

QTEST_GUILESS_MAIN(TestAdaptiveOptimizers)
#include "test_adaptive_optimizers.moc"
