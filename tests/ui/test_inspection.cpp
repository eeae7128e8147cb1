// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QPushButton>
#include <QSignalSpy>
#include <QTableWidget>
#include <QToolButton>
#include <cmath>

#include "tests/ui/window_test.h"
#include "ui/panels/breakpoints_panel.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/example_panel.h"
#include "ui/panels/geometry_panel.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/history_plot.h"
#include "ui/panels/lane_maps.h"
#include "ui/panels/lane_plot.h"
#include "ui/panels/lanes_panel.h"
#include "ui/panels/layers_map.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/lint_panel.h"
#include "ui/panels/lint_row.h"
#include "ui/panels/microscope_model.h"
#include "ui/panels/microscope_panel.h"
#include "ui/panels/noise_bars.h"
#include "ui/panels/noise_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/privacy_panel.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// Lint, breakpoints and lanes in the real window, against the engine driven by hand.
class TestInspection : public WindowTest {
  Q_OBJECT

 private slots:
  void lintSaysWhatTheEngineFinds();
  void lintLeadsToItsSetting();
  void aBreakpointStopsTheRun();
  void breakpointsAreEditedAndKept();
  void badConditionsAreSaid();
  void lanesMoveWithTheRun();
  void theLadderInOneClick();
  void compareBecomesLanesAndBack();
  void lanesLeaveWithWhatTheyShare();
  void geometryIsTheGradients();
  void tensorsAndStepsAreLinked();

 private:
  void stepTo(Index step) {
    while (record().step < step || record().completed != Phase::Account) {
      controller()->step();
      settle();
    }
  }
  void addCondition(const QString& text) {
    window()->docks()->show(window()->breakpoints());
    QLineEdit* edit = window()->breakpoints()->edit();
    edit->setFocus();
    QTest::keyClicks(edit, text);
    QTest::keyClick(edit, Qt::Key_Return);
    settle();
  }
  /// A run of its own from the same settings.
  static std::shared_ptr<const StepRecord> alone(Experiment e, Index steps) {
    Trainer trainer(e, loadDataset(e.data));
    for (Index t = 0; t < steps; ++t) trainer.finishStep();
    return trainer.record();
  }
};

void TestInspection::lintSaysWhatTheEngineFinds() {
  LintPanel* panel = window()->lint();
  window()->docks()->show(panel);
  stepTo(1);
  const auto wanted = dpLint(controller()->experiment(), record());
  QCOMPARE(panel->rows().size(), wanted.size());
  for (const LintFinding& finding : wanted) {
    const auto row = std::ranges::find_if(
        panel->rows(), [&](const LintRow* one) { return one->finding().check == finding.check; });
    QVERIFY(row != panel->rows().end());
    QCOMPARE((*row)->finding().text, finding.text);
    QVERIFY((*row)->accessibleName().contains(lintWord(finding.severity)));
  }
  // The gravest first.
  for (std::size_t k = 1; k < panel->rows().size(); ++k)
    QVERIFY(panel->rows()[k - 1]->finding().severity >= panel->rows()[k]->finding().severity);
  QCOMPARE(panel->csv().count('\n'), static_cast<int>(wanted.size()) + 1);
  // What is wrong is in the status bar, whatever panel is shown.
  Experiment bad = controller()->experiment();
  bad.privacy.delta = 0.1;
  bad.noise.noiseMultiplier = 0;
  controller()->edit(bad);
  settle();
  stepTo(2);
  QVERIFY(window()->lintButton()->isVisible());
  QVERIFY2(window()->lintButton()->text().contains(QStringLiteral("2 errors")),
           qPrintable(window()->lintButton()->text()));
  QTest::mouseClick(window()->lintButton(), Qt::LeftButton);
  QVERIFY(panel->isVisible());
  QVERIFY(panel->summary().contains(QStringLiteral("2 errors · 1 warning")));
}

void TestInspection::lintLeadsToItsSetting() {
  LintPanel* panel = window()->lint();
  window()->docks()->show(panel);
  stepTo(1);
  // Every check that names a setting leads to a field, or to one that is not there now.
  for (const LintRow* row : panel->rows()) {
    if (row->finding().setting.empty()) continue;
    const QString path = QString::fromUtf8(row->finding().setting.data());
    QTest::mouseClick(row->button(), Qt::LeftButton);
    const QWidget* field = window()->focusWidget();
    const bool isInDock = window()->dock()->isAncestorOf(field);
    QVERIFY2(isInDock || path.startsWith(QStringLiteral("clipping.adaptive.")), qPrintable(path));
    if (path == QStringLiteral("privacy.delta"))
      QCOMPARE(field->accessibleName(), QStringLiteral("δ"));
    if (path == QStringLiteral("clipping.max_grad_norm"))
      QCOMPARE(field, static_cast<const QWidget*>(window()->dock()->maxGradNorm()));
    window()->norms()->setFocus();
  }
}

void TestInspection::aBreakpointStopsTheRun() {
  // Where a plain run says that it must.
  Trainer plain(controller()->experiment(), loadDataset(controller()->experiment().data));
  Index wanted = 0;
  for (Index t = 1; t <= 60 && wanted == 0; ++t)
    if (plain.finishStep()->norms->q50 > 2.2 && t > 3) wanted = t;
  QVERIFY(wanted > 0);
  addCondition(QStringLiteral("norm_q50 > 2.2 and step > 3"));
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(!controller()->isRunning() && !controller()->isBusy(), 60000);
  QCOMPARE(record().step, wanted);
  QCOMPARE(record().completed, std::optional(Phase::Clip));
  const QString said = window()->messages()->text();
  QVERIFY2(
      said.startsWith(QStringLiteral("Stopped at step %1 after phase Clip: norm_q50 ").arg(wanted)),
      qPrintable(said));
  QVERIFY(window()->breakpoints()->summary().startsWith(
      QStringLiteral("stopped at step %1").arg(wanted)));
  QCOMPARE(window()->breakpoints()->table()->item(0, BreakpointsPanel::Hits)->text(),
           QStringLiteral("1"));
  // On with the same bits.
  controller()->step();
  settle();
  QCOMPARE(record().step, wanted);
  QCOMPARE(record().update->parameterNorm, plain.record()->update->parameterNorm);
  QVERIFY(!window()->breakpoints()->summary().startsWith(QStringLiteral("stopped")));
}

void TestInspection::breakpointsAreEditedAndKept() {
  addCondition(QStringLiteral("phase norms"));
  addCondition(QStringLiteral("every 2"));
  QTableWidget* table = window()->breakpoints()->table();
  QCOMPARE(table->rowCount(), 2);
  table->item(0, BreakpointsPanel::On)->setCheckState(Qt::Unchecked);
  settle();
  table->item(1, BreakpointsPanel::Condition)->setText(QStringLiteral("every 3"));
  settle();
  table->item(1, BreakpointsPanel::Skip)->setText(QStringLiteral("1"));
  settle();
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(!controller()->isRunning() && !controller()->isBusy(), 60000);
  QCOMPARE(record().step, Index{6});
  QCOMPARE(record().completed, std::optional(Phase::Sample));
  QCOMPARE(table->item(1, BreakpointsPanel::Hits)->text(), QStringLiteral("2"));
  // They are there in the next window.
  m_window = std::make_unique<MainWindow>();
  m_window->show();
  const auto& kept = controller()->breakpoints();
  QCOMPARE(kept.size(), std::size_t{2});
  QVERIFY(!kept[0].isEnabled && kept[1].isEnabled);
  QCOMPARE(kept[1].condition.text(), std::string("every 3"));
  QCOMPARE(kept[1].skip, Index{1});
  controller()->openExperiment(small());
  settle();
  window()->docks()->show(window()->breakpoints());
  table = window()->breakpoints()->table();
  table->selectRow(0);
  table->setFocus();
  QTest::keyClick(table, Qt::Key_Delete);
  settle();
  QCOMPARE(table->rowCount(), 1);
}

void TestInspection::badConditionsAreSaid() {
  addCondition(QStringLiteral("clip > 3"));
  BreakpointsPanel* panel = window()->breakpoints();
  QVERIFY(panel->problem()->isVisible());
  QVERIFY(panel->problem()->text().contains(QStringLiteral("clipped_fraction")));
  QCOMPARE(panel->edit()->text(), QStringLiteral("clip > 3"));
  QCOMPARE(panel->table()->rowCount(), 0);
  panel->edit()->clear();
  addCondition(QStringLiteral("nan"));
  QVERIFY(!panel->problem()->isVisible());
  panel->table()->item(0, BreakpointsPanel::Skip)->setText(QStringLiteral("many"));
  QVERIFY(panel->problem()->isVisible());
  QCOMPARE(panel->table()->item(0, BreakpointsPanel::Skip)->text(), QStringLiteral("0"));
}

void TestInspection::lanesMoveWithTheRun() {
  LanesPanel* panel = window()->lanes();
  window()->docks()->show(panel);
  Experiment other = controller()->experiment();
  other.clipping.maxGradNorm = 0.5;
  stepTo(2);
  controller()->addLanes({{"tight", other}});
  settle();
  const auto& lanes = controller()->lanes();
  QCOMPARE(lanes.size(), std::size_t{1});
  QCOMPARE(lanes[0].record->step, Index{2});
  stepTo(4);
  QCOMPARE(lanes[0].record->step, Index{4});
  QCOMPARE(lanes[0].record->sample->examples, record().sample->examples);
  QCOMPARE(lanes[0].history.newest()->loss, alone(other, 4)->forward->meanLoss);
  // The table has both; the curves too.
  QCOMPARE(panel->table()->rowCount(), 2);
  QCOMPARE(panel->table()->item(1, LanesPanel::Loss)->text(),
           shortNumber(lanes[0].history.newest()->loss, 3));
  QCOMPARE(panel->table()->item(1, LanesPanel::Change)->text(),
           QStringLiteral("max_grad_norm 3.0 → 0.5"));
  const LanePlot* loss = panel->plots().front();
  QCOMPARE(loss->plot()->graphCount(), 2);
  QCOMPARE(loss->plot()->graph(1)->data()->size(), 4);
  QCOMPARE(loss->plot()->graph(1)->data()->at(3)->value, lanes[0].history.newest()->loss);
  QCOMPARE(panel->csv().count('\n'), 1 + 4 + 4);
  // Back and by phase.
  controller()->stepBack();
  settle();
  QCOMPARE(lanes[0].record->step, Index{3});
  controller()->goTo(2, Phase::Clip);
  settle();
  QCOMPARE(lanes[0].record->step, Index{2});
  QCOMPARE(lanes[0].record->completed, std::optional(Phase::Clip));
  // Their maps are on one scale.
  panel->setView(LanesPanel::View::Layers);
  QCOMPARE(panel->maps()->maps().size(), std::size_t{2});
  panel->table()->selectRow(1);
  controller()->reset();
  settle();
  QCOMPARE(lanes[0].record->step, Index{1});
  controller()->removeLane(lanes[0].id);
  settle();
  QVERIFY(controller()->lanes().empty());
  QVERIFY(!panel->table()->isVisible());
}

void TestInspection::theLadderInOneClick() {
  LanesPanel* panel = window()->lanes();
  window()->docks()->show(panel);
  QTest::mouseClick(panel->ladderButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->lanes().size(), std::size_t{3});
  stepTo(12);
  const auto& lanes = controller()->lanes();
  std::array<std::span<const StepSummary>, 4> runs{
      lanes[0].history.summaries(), lanes[1].history.summaries(), lanes[2].history.summaries(),
      controller()->history().summaries()};
  QVERIFY(panel->sentence()->isVisible());
  QCOMPARE(panel->sentence()->text(), QString::fromStdString(ladderSentence(*ladderCost(runs))));
  QCOMPARE(lanes[0].record->noise->realised, 0.0);
  QVERIFY(lanes[0].record->clip->biasRatio < 1e-6);
  QVERIFY(std::isinf(lanes[2].record->account->epsilon));
  // Once more replaces them.
  QTest::mouseClick(panel->ladderButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->lanes().size(), std::size_t{3});
  QCOMPARE(controller()->lanes()[0].record->step, Index{12});
}

void TestInspection::compareBecomesLanesAndBack() {
  stepTo(1);
  window()->compare()->runAllAsLanes();
  settle();
  const auto& lanes = controller()->lanes();
  QVERIFY(!lanes.empty());
  QVERIFY(window()->lanes()->isVisible());
  const Experiment taken = *lanes[0].experiment;
  QVERIFY(!(taken.clipping == controller()->experiment().clipping));
  LanesPanel* panel = window()->lanes();
  panel->table()->selectRow(1);
  QSignalSpy spy(panel, &LanesPanel::useRequested);
  panel->useAction()->trigger();
  settle();
  QCOMPARE(spy.count(), 1);
  QCOMPARE(controller()->experiment().clipping, taken.clipping);
  // Every lane is a use of the data, also when it has gone.
  stepTo(2);
  const std::size_t uses = controller()->laneUses().size();
  QCOMPARE(uses, lanes.size());
  controller()->clearLanes();
  settle();
  QCOMPARE(controller()->laneUses().size(), uses);
  PrivacyPanel* privacy = window()->privacy();
  window()->docks()->show(privacy);
  privacy->setView(PrivacyPanel::View::Ledger);
  QCOMPARE(privacy->csv().count('\n'), static_cast<int>(uses) + 2);
  controller()->openExperiment(small());
  settle();
  QVERIFY(controller()->laneUses().empty());
}

void TestInspection::lanesLeaveWithWhatTheyShare() {
  controller()->addLanes({{"same", controller()->experiment()}});
  settle();
  Experiment changed = controller()->experiment();
  changed.sampling.expectedBatchSize = 30;
  controller()->edit(changed);
  settle();
  QVERIFY(controller()->lanes().empty());
  QVERIFY(window()->messages()->text().contains(QStringLiteral("same")));
  // One that cannot be is said.
  Experiment other = controller()->experiment();
  other.run.seed = 99;
  controller()->addLanes({{"another seed", other}});
  settle();
  QVERIFY(window()->messages()->isError());
  QVERIFY(controller()->lanes().empty());
}

void TestInspection::geometryIsTheGradients() {
  stepTo(2);
  GeometryPanel* panel = window()->geometry();
  window()->docks()->show(panel);
  QTRY_VERIFY_WITH_TIMEOUT(!controller()->isPreparing() && controller()->whatIf()->hasGram(),
                           60000);
  panel->prepareForPicture();
  const BatchGeometry wanted = batchGeometry(record(), *controller()->whatIf()->whatIf()->gram());
  QCOMPARE(panel->geometry().cosines, wanted.cosines);
  QCOMPARE(panel->geometry().before.size(), static_cast<std::size_t>(record().batchSize()));
  Index counted = 0;
  for (const Index count : panel->counts()) counted += count;
  QCOMPARE(counted, record().batchSize());
  QVERIFY(panel->verdict()->text().contains(shortNumber(wanted.privateCosine, 3)));
  // Without noise it is the engine's own cosine of the clipped sum.
  QVERIFY(std::abs(wanted.clippedCosine - record().clip->biasCosine) < 1e-3);
  QCOMPARE(panel->csv().count('\n'), static_cast<int>(record().batchSize()) + 1);
  // A click selects the example under it.
  Plot* plot = panel->components();
  const auto far = std::ranges::max_element(wanted.before, {}, &BatchGeometry::Point::x);
  const auto entry = static_cast<std::size_t>(far - wanted.before.begin());
  const QPoint at(qRound(plot->xAxis->coordToPixel(far->x)),
                  qRound(plot->yAxis->coordToPixel(far->y)));
  QTest::mouseClick(plot, Qt::LeftButton, {}, at);
  const Index example = record().sample->examples[static_cast<std::size_t>(wanted.rows[entry])];
  QVERIFY(controller()->selection()->contains(example));
  // Before the next phase Clip there is none.
  controller()->advanceTo(Phase::Norms);
  settle();
  QVERIFY(panel->summary().isEmpty());
}

void TestInspection::tensorsAndStepsAreLinked() {
  stepTo(6);
  Selection* selection = controller()->selection();
  // A name beside the Layers map: the Noise panel lights its row, the Example panel pictures it.
  window()->docks()->show(window()->layers());
  window()->docks()->show(window()->noise());
  window()->docks()->show(window()->example());
  LayersMap* map = window()->layers()->map();
  const std::size_t tensors = record().info->tensors.size();
  const int row = map->height() / static_cast<int>(tensors);
  QTest::mouseClick(map, Qt::LeftButton, {}, QPoint(20, 16 + 2 * row));
  QCOMPARE(selection->tensors().size(), std::size_t{1});
  const std::string name = selection->tensors().front();
  const auto at = std::ranges::find(record().info->tensors, name) - record().info->tensors.begin();
  QVERIFY(static_cast<std::size_t>(at) < tensors);
  QCOMPARE(window()->example()->tensorChoice()->currentIndex(), static_cast<int>(at));
  Plot* noise = window()->noise()->bars()->plot();
  const auto bands = [&] {
    int count = 0;
    for (int k = 0; k < noise->itemCount(); ++k)
      if (auto* band = qobject_cast<QCPItemRect*>(noise->item(k))) count += band->visible();
    return count;
  };
  QCOMPARE(bands(), 1);
  // By keyboard, and a click in the noise.
  QTest::keyClick(map, Qt::Key_Down);
  QCOMPARE(selection->tensors().front(), record().info->tensors[static_cast<std::size_t>(at) + 1]);
  QTest::mouseClick(
      noise, Qt::LeftButton, Qt::ControlModifier,
      QPoint(noise->axisRect()->center().x(), qRound(noise->yAxis->coordToPixel(-1))));
  QCOMPARE(selection->tensors().size(), std::size_t{2});
  QVERIFY(selection->hasTensor(record().info->tensors[0]));
  QCOMPARE(bands(), 2);
  selection->clear();
  QCOMPARE(bands(), 0);

  // A span of History: the Microscope looks at its steps alone, lanes show it.
  window()->docks()->show(window()->history());
  window()->docks()->show(window()->microscope());
  window()->microscope()->prepareForPicture();
  const std::size_t all = window()->microscope()->model()->shown().size();
  HistoryPlot* loss = window()->history()->plot(QStringLiteral("loss"));
  emit loss->rectangleSelected(QRectF(1.6, 0, 1.9, 1));  // steps 2 and 3
  QCOMPARE(*selection->steps(), std::pair(Index{2}, Index{3}));
  QVERIFY2(window()->microscope()->summary().endsWith(QStringLiteral("steps 2 to 3")),
           qPrintable(window()->microscope()->summary()));
  const auto wanted = exampleStatistics(controller()->exampleHistory(),
                                        controller()->session()->data->size(), {2, 3});
  const auto drawn = std::ranges::count_if(wanted, [](const auto& s) { return s.draws > 0; });
  QCOMPARE(static_cast<long>(window()->microscope()->model()->shown().size()), drawn);
  QVERIFY(drawn < static_cast<long>(all));
  selection->clear();
  QCOMPARE(window()->microscope()->model()->shown().size(), all);
}

QTEST_MAIN(TestInspection)
#include "test_inspection.moc"
