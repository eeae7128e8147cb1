// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <numbers>

#include "engine/accounting/accountant.h"
#include "engine/error.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"

using namespace clipscope;
using namespace clipscope::test;

/// Schedules against their closed forms, and what a step makes of them.
class TestSchedule : public QObject {
  Q_OBJECT

 private slots:
  void closedForms();
  void stepsUseTheirValues();
  void eachStepIsAccountedWithItsOwnSigma();
  void valuesStayInRange();
  void asALine();
  void refuses_data();
  void refuses();
};

void TestSchedule::closedForms() {
  Schedule s;
  for (const Index t : {0, 7, 100000}) QCOMPARE(s.value(0.3, t), 0.3);
  s.kind = ScheduleKind::Exponential;
  s.gamma = 0.9;
  // The σ of the reference trajectory "schedules_sgd_flat": 1.1 · 0.9ᵗ by repeated products.
  double product = 1.1;
  for (Index t = 0; t < 20; ++t, product *= 0.9)
    QVERIFY(std::abs(s.value(1.1, t) - product) < 1e-14);
  s.kind = ScheduleKind::Step;
  s.gamma = 0.5;
  s.every = 3;
  const double halves[] = {8, 8, 8, 4, 4, 4, 2, 2, 2, 1};
  for (Index t = 0; t < 10; ++t) QCOMPARE(s.value(8, t), halves[t]);
  s.kind = ScheduleKind::Cosine;
  s.floor = 1;
  s.steps = 10;
  QCOMPARE(s.value(3, 0), 3.0);
  QVERIFY(std::abs(s.value(3, 5) - 2) < 1e-15);  // half way, half way down
  QVERIFY(std::abs(s.value(3, 2) - (1 + 1 + std::cos(0.2 * std::numbers::pi))) < 1e-14);
  for (const Index t : {10, 11, 5000}) QCOMPARE(s.value(3, t), 1.0);
  s.kind = ScheduleKind::Table;
  s.values = {5, 3, 4};
  const double held[] = {5, 3, 4, 4, 4};
  for (Index t = 0; t < 5; ++t) QCOMPARE(s.value(99, t), held[t]);
}

void TestSchedule::stepsUseTheirValues() {
  Experiment e = smallExperiment();
  e.schedules.noiseMultiplier = {ScheduleKind::Table, 1, 1, 0, 1, {2, 0.5, 1}};
  e.schedules.maxGradNorm.kind = ScheduleKind::Exponential;
  e.schedules.maxGradNorm.gamma = 1.5;
  e.schedules.learningRate.kind = ScheduleKind::Step;
  e.schedules.learningRate.gamma = 0.5;
  e.schedules.learningRate.every = 2;
  Trainer trainer(e, smallData());
  const double sigmas[] = {2, 0.5, 1, 1}, rates[] = {0.25, 0.25, 0.125, 0.125};
  double c = 1;
  for (std::size_t t = 0; t < 4; ++t, c *= 1.5) {
    const auto record = trainer.finishStep();
    QCOMPARE(record->sample->noiseMultiplier, sigmas[t]);
    QVERIFY(std::abs(record->clip->maxGradNorm - c) < 1e-12);
    QVERIFY(std::abs(record->noise->std - sigmas[t] * c) < 1e-12);
    QCOMPARE(record->update->learningRate, rates[t]);
    QVERIFY(std::abs(record->noise->effectiveSigma - sigmas[t]) < 1e-12);
  }
  // A constant schedule gives the bits of none, and a table of one value those of the setting.
  Experiment plain = smallExperiment(), table = smallExperiment();
  plain.optimizer.learningRate = 0.125;
  table.schedules.learningRate = {ScheduleKind::Table, 1, 1, 0, 1, {0.125}};
  Trainer first(plain, smallData()), second(table, smallData());
  for (int t = 0; t < 3; ++t) {
    first.finishStep();
    second.finishStep();
  }
  QVERIFY(std::ranges::equal(first.parameters().flat(), second.parameters().flat()));
}

void TestSchedule::eachStepIsAccountedWithItsOwnSigma() {
  Experiment e = smallExperiment();
  e.schedules.noiseMultiplier.kind = ScheduleKind::Exponential;
  e.schedules.noiseMultiplier.gamma = 0.8;
  Trainer trainer(e, smallData());
  const auto accountant = makeAccountant(e.privacy.accountant);
  for (int t = 0; t < 5; ++t) {
    const auto record = trainer.finishStep();
    accountant->add(1.1 * std::pow(0.8, t), record->sample->sampleRate, 1);
    QVERIFY(std::abs(record->account->epsilon - accountant->epsilon(1e-5)) <
            1e-9 * record->account->epsilon);
  }
}

void TestSchedule::valuesStayInRange() {
  Experiment e;
  for (Schedule* s :
       {&e.schedules.noiseMultiplier, &e.schedules.maxGradNorm, &e.schedules.learningRate}) {
    s->kind = ScheduleKind::Exponential;
    s->gamma = 1e6;
  }
  QCOMPARE(e.noiseMultiplierAt(1000), 1e6);
  QCOMPARE(e.maxGradNormAt(1000), 1e30);
  QCOMPARE(e.learningRateAt(1000), 1e30);
  e.schedules.maxGradNorm.gamma = 1e-6;
  QCOMPARE(e.maxGradNormAt(1000), 1e-30);
  e.noise.noiseMultiplier = 0;  // 0 times ∞ is still no noise
  QCOMPARE(e.noiseMultiplierAt(1000), 0.0);
}

void TestSchedule::asALine() {
  for (const char* text :
       {"constant", "exponential:0.99", "step:0.5:30", "cosine:0.001:200", "table:1,0.5,1e-09"})
    QCOMPARE(scheduleText(parseSchedule(text, "x")), text);
  const Schedule s = parseSchedule("cosine:0.1:40", "x");
  QVERIFY(s.kind == ScheduleKind::Cosine && s.floor == 0.1 && s.steps == 40);
  for (const char* text : {"", "linear", "exponential", "exponential:x", "exponential:1:2",
                           "step:0.5", "step:0.5:1.5", "cosine:1", "table", "table:", "table:1,"})
    QVERIFY_EXCEPTION_THROWN(parseSchedule(text, "x"), SettingError);
}

void TestSchedule::refuses_data() {
  QTest::addColumn<QString>("text");
  QTest::addColumn<QString>("begins");
  const auto bad = [](const char* text, const char* begins) {
    QTest::newRow(text) << QString::fromUtf8(text) << QString::fromUtf8(begins);
  };
  bad(R"({"schedules": {"learning_rate": {"kind": "linear"}}})", "schedules.learning_rate.kind");
  bad(R"({"schedules": {"learning_rate": {"kind": "table"}}})", "schedules.learning_rate.values");
  bad(R"({"schedules": {"learning_rate": {"kind": "table", "values": [-1]}}})",
      "schedules.learning_rate.values");
  bad(R"({"schedules": {"max_grad_norm": {"kind": "table", "values": [0]}}})",
      "schedules.max_grad_norm.values");
  bad(R"({"schedules": {"max_grad_norm": {"kind": "cosine"}}})", "schedules.max_grad_norm.floor");
  bad(R"({"schedules": {"noise_multiplier": {"kind": "exponential", "gamma": 0}}})",
      "schedules.noise_multiplier.gamma");
  bad(R"({"schedules": {"noise_multiplier": {"every": 0}}})", "schedules.noise_multiplier.every");
  bad(R"({"schedules": {"noise_multiplier": {"steps": 0}}})", "schedules.noise_multiplier.steps");
  bad(R"({"schedules": {"sigma": {}}})", "schedules.sigma");
  bad(R"({"schedules": {"max_grad_norm": {"kind": "step"}},
          "clipping": {"adaptive": {"enabled": true}}})",
      "schedules.max_grad_norm");
  bad(R"({"schedules": {"max_grad_norm": {"kind": "step"}}, "clipping": {"thresholds": "custom"}})",
      "schedules.max_grad_norm");
  bad(R"({"clipping": {"adaptive": {"denominator": "drawn"}}})", "clipping.adaptive.denominator");
  bad(R"({"clipping": {"adaptive": {"enabled": true}, "strategy": "none"}})",
      "clipping.adaptive.enabled");
  bad(R"({"sampling": {"scheme": "uniform"}})", "sampling.scheme");
}

void TestSchedule::refuses() {
  QFETCH(QString, text);
  QFETCH(QString, begins);
  try {
    experimentFromJson(nlohmann::json::parse(text.toStdString()));
  } catch (const SettingError& error) {
    QVERIFY2(QString::fromUtf8(error.what()).startsWith(begins), error.what());
    return;
  }
  QFAIL("accepted");
}

QTEST_GUILESS_MAIN(TestSchedule)
#include "test_schedule.moc"
