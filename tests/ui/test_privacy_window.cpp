// SPDX-License-Identifier: GPL-3.0-or-later
#include <QPushButton>
#include <QScrollArea>
#include <cmath>

#include "engine/accounting/accountant.h"
#include "engine/accounting/planner.h"
#include "tests/ui/window_test.h"
#include "ui/panels/epsilon_plot.h"
#include "ui/panels/individual_plot.h"
#include "ui/panels/ledger_table.h"
#include "ui/panels/plan_map.h"
#include "ui/panels/planner_panel.h"
#include "ui/panels/privacy_panel.h"
#include "ui/plots/plot.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// The Privacy and Planner panels and the dock's ε, against accountants asked by hand.
class TestPrivacyWindow : public WindowTest {
  Q_OBJECT

 private slots:
  void everyViewIsTheRuns();
  void plannerSpendsItsBudget();
  void epsilonAndSigmaSetEachOther();
  void refreshedNormsAreExact();

 private:
  NumberEdit* field(const QString& name) {
    for (auto* edit : window()->dock()->findChildren<NumberEdit*>())
      if (edit->accessibleName() == name) return edit;
    qFatal("no field %s", qPrintable(name));
  }
  double epsilonOf(const std::string& name, double sigma, double q, Index steps) {
    const auto accountant = makeAccountant(name);
    accountant->add(sigma, q, steps);
    return accountant->epsilon(1e-5);
  }
};

void TestPrivacyWindow::everyViewIsTheRuns() {
  for (int k = 0; k < 3; ++k) {
    controller()->step();
    settle();
  }
  PrivacyPanel* panel = window()->privacy();
  window()->docks()->show(panel);
  panel->prepareForPicture();
  const double q = record().sample->sampleRate;
  const auto& curves = panel->overSteps()->curves();
  QCOMPARE(curves.size(), accountantNames().size());
  for (const EpsilonCurve& curve : curves) {
    QCOMPARE(curve.epsilon[2], epsilonOf(curve.accountant, 1.1, q, 3));
    QCOMPARE(curve.epsilon.back(), epsilonOf(curve.accountant, 1.1, q, 200));
  }
  QVERIFY(panel->summary().contains("at step 200"));
  QCOMPARE(panel->csv().count('\n'), static_cast<int>(curves[0].epsilon.size()) + 1);

  panel->setView(PrivacyPanel::View::Delta);
  panel->prepareForPicture();
  QCOMPARE(panel->overDelta()->curves().size(), accountantNames().size());

  panel->setView(PrivacyPanel::View::Examples);
  panel->prepareForPicture();
  const IndividualPrivacy& each = panel->individual()->privacy();
  QCOMPARE(each.steps, Index{3});
  QCOMPARE(static_cast<Index>(panel->individual()->examples().size()), record().info->datasetSize);
  for (const Index example : panel->individual()->examples())
    QVERIFY(each.bound[static_cast<std::size_t>(example)] <= each.worst * (1 + 1e-9));

  panel->setView(PrivacyPanel::View::Ledger);
  QCOMPARE(panel->ledger()->ledger().entries.size(), std::size_t{1});
  QCOMPARE(panel->ledger()->ledger().all, record().account->epsilon);
}

void TestPrivacyWindow::plannerSpendsItsBudget() {
  PlannerPanel* panel = window()->planner();
  window()->docks()->show(panel);
  panel->prepareForPicture();
  const double n = static_cast<double>(record().info->datasetSize);
  const double planned = epsilonOf("rdp-opacus", 1.1, 40 / n, 200);
  QVERIFY(std::abs(panel->budget() / planned - 1) < 5e-3);
  QVERIFY(!panel->map()->grid().points.empty());
  QVERIFY(panel->sentence().contains("doubling B to 80"));
  QVERIFY(panel->sentence().contains("Halving the steps to 100"));
  // A click picks a point, and the button makes it the experiment.
  Plot* plot = panel->map()->plot();
  const QPoint at(static_cast<int>(plot->xAxis->coordToPixel(6)),
                  static_cast<int>(plot->yAxis->coordToPixel(5)));
  QTest::mouseClick(plot, Qt::LeftButton, {}, at);
  QVERIFY(panel->map()->picked());
  const PlanPoint point = *panel->map()->picked();
  for (auto* button : panel->findChildren<QPushButton*>())
    if (button->text() == "Use this plan") QTest::mouseClick(button, Qt::LeftButton);
  settle();
  QCOMPARE(controller()->experiment().noise.noiseMultiplier, point.sigma);
  QCOMPARE(controller()->experiment().sampling.expectedBatchSize, point.batchSize);
  QCOMPARE(controller()->experiment().run.steps, point.steps);
}

void TestPrivacyWindow::epsilonAndSigmaSetEachOther() {
  NumberEdit* epsilon = field("ε of the plan");
  NumberEdit* sigma = field("Multiplier σ");
  const double q = 40.0 / static_cast<double>(record().info->datasetSize);
  const auto isNear = [](std::optional<double> a, double b) {
    return a && std::abs(*a / b - 1) < 1e-4;
  };
  QTRY_VERIFY(isNear(epsilon->value(), epsilonOf("rdp-opacus", 1.1, q, 200)));
  // While typing, before anything is set.
  window()->dock()->findChild<QScrollArea*>()->ensureWidgetVisible(sigma);
  sigma->setFocus();
  sigma->selectAll();
  QTest::keyClicks(sigma, "2.5");
  QTRY_VERIFY(isNear(epsilon->value(), epsilonOf("rdp-opacus", 2.5, q, 200)));
  QCOMPARE(controller()->experiment().noise.noiseMultiplier, 1.1);
  QTest::keyClick(sigma, Qt::Key_Return);
  settle();
  QCOMPARE(controller()->experiment().noise.noiseMultiplier, 2.5);
  // And the other way.
  window()->dock()->findChild<QScrollArea*>()->ensureWidgetVisible(epsilon);
  type(epsilon, "3");
  QTRY_VERIFY(controller()->experiment().noise.noiseMultiplier != 2.5);
  settle();
  const double found = controller()->experiment().noise.noiseMultiplier;
  const double spent = epsilonOf("rdp-opacus", found, q, 200);
  QVERIFY(spent <= 3 && spent > 3 * (1 - 1e-5));
}

void TestPrivacyWindow::refreshedNormsAreExact() {
  PrivacyPanel* panel = window()->privacy();
  window()->docks()->show(panel);
  panel->setView(PrivacyPanel::View::Examples);
  const auto stepTo = [&](Index step) {
    while (record().step < step || record().completed != Phase::Account) {
      controller()->step();
      settle();
    }
    panel->prepareForPicture();
  };
  stepTo(1);
  QVERIFY(panel->summary().contains("(estimate)"));
  type(field(QStringLiteral("All norms every")), QStringLiteral("1"));
  settle();
  stepTo(3);
  // The first step was done before.
  QCOMPARE(controller()->exampleHistory().refreshes().size(), std::size_t{2});
  QVERIFY(panel->summary().contains("(estimate)"));
  QVERIFY(panel->summary().contains("refreshed at 2 steps"));
  Experiment again = controller()->experiment();
  controller()->openExperiment(again);
  settle();
  stepTo(3);
  QVERIFY(panel->summary().contains("(exact)"));
  const auto& refreshes = controller()->exampleHistory().refreshes();
  QCOMPARE(refreshes.size(), std::size_t{3});
  // The last one against the step's own norms.
  for (Index row = 0; row < record().batchSize(); ++row) {
    const auto i =
        static_cast<std::size_t>(record().sample->examples[static_cast<std::size_t>(row)]);
    const double own = record().norms->global[static_cast<std::size_t>(row)];
    QVERIFY(std::abs(static_cast<double>(refreshes.back()->norms[i]) / own - 1) < 2e-5);
  }
}

QTEST_MAIN(TestPrivacyWindow)
#include "test_privacy_window.moc"
