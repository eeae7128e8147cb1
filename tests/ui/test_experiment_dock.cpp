// SPDX-License-Identifier: GPL-3.0-or-later
#include <QButtonGroup>
#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollArea>
#include <QTest>
#include <cmath>

#include "tests/ui/window_test.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"
#include "ui/window/number_edit.h"
#include "ui/window/phase_rail.h"

using namespace clipscope;
using namespace clipscope::test;

/// The dock's sections with keyboard and mouse: what is set there is what the next step does, and a
/// field stands there only where it is read.
class TestExperimentDock : public WindowTest {
  Q_OBJECT

 private slots:
  void optimiserShowsWhatItReads();
  void optimiserChangesTheStep();
  void adaptiveThreshold();
  void countsThatSpendSigmaAreRefused();
  void privateDenominatorIsMarked();
  void schedules();
  void tableOfValues();
  void shuffledBatches();
  void fixedBatches();
  void memoryFollowsTheBatch();
  void everyFieldHasATip();

 private:
  template <class Widget>
  Widget* field(const QString& name) {
    for (Widget* widget : window()->dock()->findChildren<Widget*>())
      if (widget->accessibleName() == name) return widget;
    qFatal("no field %s", qPrintable(name));
  }
  bool shows(const QString& name) { return field<QWidget>(name)->isVisibleTo(window()->dock()); }
  /// By keyboard: down the list, or up, to the entry.
  void choose(const QString& combo, const QString& name) {
    auto* box = field<QComboBox>(combo);
    reveal(box);
    box->setFocus();
    const int wanted = box->findData(name);
    QVERIFY(wanted >= 0);
    while (box->currentIndex() != wanted) {
      const int before = box->currentIndex();
      QTest::keyClick(box, wanted > before ? Qt::Key_Down : Qt::Key_Up);
      settle();
      QVERIFY(box->currentIndex() != before);
    }
  }
  void tick(const QString& name) {
    auto* box = field<QCheckBox>(name);
    reveal(box);
    QTest::mouseClick(box, Qt::LeftButton, {}, QPoint(8, box->height() / 2));
    settle();
  }
  void enter(const QString& name, const QString& text) {
    auto* edit = field<NumberEdit>(name);
    reveal(edit);
    type(edit, text);
    settle();
  }
  void reveal(QWidget* widget) {
    window()->dock()->findChild<QScrollArea*>()->ensureWidgetVisible(widget);
    QCoreApplication::processEvents();
  }
  void finish() {
    controller()->step();
    settle();
    QVERIFY(record().completed == Phase::Account);
  }
  const Experiment& experiment() { return controller()->experiment(); }
};

void TestExperimentDock::optimiserShowsWhatItReads() {
  const std::pair<const char*, QStringList> kinds[] = {
      {"sgd", {"Momentum", "Dampening", "Nesterov"}},
      {"adam", {"β₁", "β₂", "eps", "AMSGrad"}},
      {"adamw", {"β₁", "β₂", "eps", "AMSGrad"}},
      {"rmsprop", {"Momentum", "α", "eps", "Centred"}},
      {"adagrad", {"Rate decay", "Initial sum"}}};
  const QStringList all{"Momentum", "Dampening", "Nesterov",   "β₁",          "β₂",
                        "AMSGrad",  "α",         "Rate decay", "Initial sum", "Centred"};
  for (const auto& [kind, own] : kinds) {
    choose("Kind", kind);
    QCOMPARE(experiment().optimizer.kind, kind);
    for (const QString& name : all)
      QVERIFY2(shows(name) == own.contains(name), qPrintable(name + " of " + kind));
    QVERIFY(shows("Learning rate η") && shows("Weight decay"));
  }
}

void TestExperimentDock::optimiserChangesTheStep() {
  finish();
  choose("Kind", "adam");
  enter("Learning rate η", "0.001");
  tick("AMSGrad");
  enter("β₂", "0.99");
  QVERIFY(experiment().optimizer.amsgrad);
  finish();
  QCOMPARE(record().update->learningRate, 0.001);
  // Adam's first step moves each weight by η.
  const double moved =
      record().update->updateNorm / std::sqrt(static_cast<double>(record().info->dimension));
  QVERIFY2(moved > 0.00095 && moved < 0.00101, qPrintable(QString::number(moved)));
  QVERIFY(std::isnan(record().update->updateNoise));
  enter("β₂", "1");  // in the field's range, and not in the rule's
  QVERIFY(field<NumberEdit>("β₂")->toolTip().contains("below 1"));
  QCOMPARE(experiment().optimizer.beta2, 0.99);
}

void TestExperimentDock::adaptiveThreshold() {
  finish();
  QVERIFY(!shows("Target quantile γ"));
  tick("C follows the norms");
  QVERIFY(shows("Target quantile γ") && shows("Count noise σ_b") && shows("Least C"));
  enter("Count noise σ_b", "4");
  enter("Rate of C, η", "0.5");
  enter("Target quantile γ", "0.9");
  finish();
  QCOMPARE(record().noise->adaptive.size(), std::size_t{1});
  const double next = record().noise->nextMaxGradNorm;
  QVERIFY(std::abs(record().clip->maxGradNorm - 3) < 1e-12 && next != 3);
  QVERIFY(window()->sentence()->text().contains("C goes from 3.00 to"));
  finish();
  QVERIFY(std::abs(record().clip->maxGradNorm - next) < 1e-12);
  QVERIFY(!field<QComboBox>("C over steps")->isEnabled());
  tick("C follows the norms");
  finish();
  QVERIFY(record().noise->adaptive.empty());
  QVERIFY(std::abs(record().clip->maxGradNorm - 3) < 1e-12);
}

void TestExperimentDock::countsThatSpendSigmaAreRefused() {
  tick("C follows the norms");
  enter("Count noise σ_b", "0.5");
  QVERIFY(field<NumberEdit>("Count noise σ_b")->toolTip().contains("σ must be below"));
  QCOMPARE(experiment().clipping.adaptive.countStd, 10.0);
  // With six groups less is left; the buttons have no tool tip to say it in.
  enter("Count noise σ_b", "1");
  QCOMPARE(experiment().clipping.adaptive.countStd, 1.0);
  QTest::mouseClick(window()->dock()->grouping()->button(2), Qt::LeftButton);
  settle();
  QVERIFY(window()->messages()->text().contains("σ must be below"));
  QVERIFY(experiment().clipping.grouping == GroupingKind::Flat);
  QVERIFY(window()->dock()->grouping()->button(0)->isChecked());
}

void TestExperimentDock::privateDenominatorIsMarked() {
  tick("C follows the norms");
  choose("Count over", "batch");
  finish();  // the step under way had other rules
  QVERIFY(record().account->isValid());
  finish();
  QVERIFY(!record().account->isValid());
  const auto labels = window()->rail()->findChildren<QLabel*>();
  QVERIFY(std::any_of(labels.begin(), labels.end(), [](QLabel* label) {
    return label->text() == "ε not valid: private denominator";
  }));
  QVERIFY(window()->sentence()->text().contains("not valid"));
  QVERIFY(window()->width() <= 1280);
}

void TestExperimentDock::schedules() {
  finish();
  choose("σ over steps", "exponential");
  enter("σ: factor γ", "0.5");
  choose("C over steps", "step");
  enter("C: factor γ", "2");
  enter("C: every k steps", "2");
  choose("η over steps", "cosine");
  QVERIFY(shows("η: floor") && shows("η: over n steps") && !shows("η: factor γ"));
  enter("η: over n steps", "4");
  QVERIFY(!shows("σ: every k steps"));
  for (int done = 1; done < 4; ++done) {
    finish();
    QVERIFY(std::abs(record().sample->noiseMultiplier - 1.1 * std::pow(0.5, done)) < 1e-12);
    QVERIFY(std::abs(record().clip->maxGradNorm - 3 * std::pow(2, done / 2)) < 1e-12);
    const double rate = 0.25 * 0.5 * (1 + std::cos(M_PI * done / 4));
    QVERIFY(std::abs(record().update->learningRate - rate) < 1e-12);
  }
}

void TestExperimentDock::tableOfValues() {
  finish();
  choose("η over steps", "table");
  auto* values = field<QLineEdit>("η: values");
  QCOMPARE(values->text(), "0.25");
  reveal(values);
  values->setFocus();
  values->selectAll();
  QTest::keyClicks(values, "0.5, 0.125, x");
  QTest::keyClick(values, Qt::Key_Return);
  QVERIFY(values->property("invalid").toBool());
  QVERIFY(!values->toolTip().isEmpty());
  values->selectAll();
  QTest::keyClicks(values, "0.5, 0.125");
  QTest::keyClick(values, Qt::Key_Return);
  settle();
  QVERIFY(!values->property("invalid").toBool());
  QCOMPARE(experiment().schedules.learningRate.values, (std::vector<double>{0.5, 0.125}));
  finish();
  QCOMPARE(record().update->learningRate, 0.125);
}

void TestExperimentDock::shuffledBatches() {
  finish();
  choose("Batches", "shuffled");
  QVERIFY(field<QLabel>("What ε belongs to")->text().contains("epoch"));
  finish();
  QCOMPARE(record().batchSize(), Index{40});
  QVERIFY(record().sample->scheme == SamplingScheme::Shuffled);
  QVERIFY(record().account->sampling == AccountedSampling::Mixed);
  controller()->advanceTo(Phase::Sample);
  settle();
  QVERIFY(window()->sentence()->text().contains("epoch 1"));
}

void TestExperimentDock::fixedBatches() {
  finish();
  choose("Batches", "fixed");
  finish();
  const auto first = record().sample->examples;
  finish();
  QCOMPARE(record().sample->examples, first);
  QVERIFY(field<QLabel>("What ε belongs to")->text().contains("q = 1"));
}

void TestExperimentDock::memoryFollowsTheBatch() {
  const QString before = field<QLabel>("Estimated memory")->text();
  QVERIFY(before.contains("MiB"));
  QVERIFY(field<QLabel>("Estimated memory")->toolTip().contains("optimiser"));
  enter("Expected batch B", "300");
  const QString after = field<QLabel>("Estimated memory")->text();
  QVERIFY(after != before);
  // A physical batch holds for a whole run.
  enter("Physical batch", "8");
  QVERIFY(window()->messages()->isVisible());
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QVERIFY(controller()->session()->model->plan().rows <= 8);
  QVERIFY(field<QLabel>("Estimated memory")->text() != after);
}

void TestExperimentDock::everyFieldHasATip() {
  int seen = 0;
  for (QWidget* widget : window()->dock()->findChildren<QWidget*>()) {
    if (!qobject_cast<NumberEdit*>(widget) && !qobject_cast<QComboBox*>(widget) &&
        !qobject_cast<QCheckBox*>(widget))
      continue;
    ++seen;
    QVERIFY(!widget->accessibleName().isEmpty());
    QVERIFY2(!widget->toolTip().isEmpty(), qPrintable(widget->accessibleName()));
  }
  QVERIFY(seen > 40);
}

QTEST_MAIN(TestExperimentDock)
#include "test_experiment_dock.moc"
