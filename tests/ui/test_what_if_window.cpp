// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QSlider>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <cmath>

#include "engine/formats/csv.h"
#include "engine/training/diagnostics.h"
#include "tests/support/files.h"
#include "tests/ui/what_if_test.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/clip_factors_panel.h"
#include "ui/panels/clip_slider.h"
#include "ui/panels/compare_editor.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/noise_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/what_if_readout.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/plots/threshold_handle.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// What-if driven with mouse and keys in the real window: what is shown is what the engine's
/// arithmetic and, from gradients formed in double, plain sums give.
class TestWhatIfWindow : public WhatIfTest {
  Q_OBJECT

 private slots:
  void draggingTheLine();
  void keysOnTheHandle();
  void everyPanelFollows();
  void oneGroupsThreshold();
  void numbersWithoutTheMatrices();
  void anyCommandStopsTheMatrices();
  void theDocksSlider();
  void suggestionsAreTheMinima();
  void budgetPanel();
};

void TestWhatIfWindow::draggingTheLine() {
  prepare();
  NormsPanel* norms = window()->norms();
  ThresholdHandle* handle = norms->handle();
  QVERIFY(handle->isVisible());
  QCOMPARE(handle->value(), 3.0);
  QCOMPARE(state().isTrying(), false);
  const std::vector<Index> before = norms->histogram().before;
  drag(handle, norms->plot(), -60);
  QVERIFY(handle->isDragging() && state().isTrying());
  const double c = state().maxGradNorm();
  QVERIFY(c < 3 && c > 0);
  QCOMPARE(handle->value(), c);
  // The line is where the mouse is, and the bars before clipping stand still.
  QCOMPARE(norms->histogram().before, before);
  Index counted = 0;
  for (Index i = 0; i < record().batchSize(); ++i)
    counted += record().norms->global[static_cast<std::size_t>(i)] > c;
  const double fraction = static_cast<double>(counted) / static_cast<double>(record().batchSize());
  QCOMPARE(state().numbers().clippedFraction, fraction);
  QVERIFY(norms->summary().contains(percent(fraction)));
  // The bars after clipping are those of min(1, C/(n + κ)).
  for (const auto& example : norms->histogram().examples)
    QVERIFY(std::abs(example.after - example.before * std::min(1.0, c / (example.before + 1e-6))) <=
            1e-12 * example.before);
  // The numbers are the engine's for that C.
  ClippingSettings clipping = controller()->experiment().clipping;
  clipping.maxGradNorm = c;
  const WhatIfNumbers w =
      state().whatIf()->evaluate(state().rulesOf(clipping, controller()->experiment().noise));
  QVERIFY(norms->summary().contains(tr("SNR %1").arg(shortNumber(w.total.snr, 3))));
  QVERIFY(std::isfinite(w.budget.total) &&
          norms->summary().contains(shortNumber(w.budget.total, 3)));
  auto* readout = norms->findChild<WhatIfReadout*>();
  QVERIFY(readout->isVisible() && readout->text().contains(shortNumber(w.total.biasRatio, 3)));
  drop(handle, norms->plot());
  QVERIFY(!handle->isDragging() && state().isTrying());
  // Let go, a bin ends at the threshold again: nothing is drawn beyond it.
  const NormHistogram& h = norms->histogram();
  for (Index k = 0; k < h.bins(); ++k)
    if (h.value(h.edges[static_cast<std::size_t>(k)]) > c * (1 - 1e-9))
      QCOMPARE(h.after[static_cast<std::size_t>(k)], Index{0});
  // The setting is untouched; Esc goes back, and clears no selection on the way.
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 3.0);
  controller()->selection()->select(record().sample->examples.front());
  QTest::keyClick(handle, Qt::Key_Escape);
  QVERIFY(!state().isTrying());
  QVERIFY(!controller()->selection()->isEmpty());
  QCOMPARE(handle->value(), 3.0);
  QVERIFY(!readout->isVisible());
  QVERIFY(norms->summary().contains("clipped") && !norms->summary().contains("What if"));

  // "Use this C": the dock's field shows it, and the next step is clipped with it.
  drag(handle, norms->plot(), -40);
  drop(handle, norms->plot());
  const double used = state().maxGradNorm();
  QTest::mouseClick(readout->useButton(), Qt::LeftButton);
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, used);
  QVERIFY(std::abs(*window()->dock()->maxGradNorm()->value() / used - 1) < 1e-3);
  settle();
  QCOMPARE(record().clip->maxGradNorm, 3.0);
  controller()->step();
  settle();
  controller()->step();
  settle();
  QCOMPARE(record().clip->maxGradNorm, used);
  QVERIFY(!state().isTrying());
  QCOMPARE(handle->value(), used);
}

void TestWhatIfWindow::keysOnTheHandle() {
  prepare();
  ThresholdHandle* handle = window()->norms()->handle();
  handle->setFocus();
  QTest::keyClick(handle, Qt::Key_Right);
  QVERIFY(std::abs(state().maxGradNorm() - 3 * 1.05) < 1e-12);
  QTest::keyClick(handle, Qt::Key_Left, Qt::ShiftModifier);
  QVERIFY(std::abs(state().maxGradNorm() - 3 * 1.05 / 1.005) < 1e-12);
  QVERIFY(!handle->accessibleName().isEmpty() && handle->accessibleDescription().contains("C "));
  QTest::keyClick(handle, Qt::Key_Return);
  QVERIFY(std::abs(controller()->experiment().clipping.maxGradNorm - 3 * 1.05 / 1.005) < 1e-12);
}

void TestWhatIfWindow::everyPanelFollows() {
  controller()->step();
  settle();
  prepare();
  const auto real = controller()->record();
  NormsPanel* norms = window()->norms();
  drag(norms->handle(), norms->plot(), -50);
  const double c = state().maxGradNorm();
  for (Panel* panel : std::initializer_list<Panel*>{window()->layers(), window()->examples(),
                                                    window()->clipFactors(), window()->noise()}) {
    const StepRecord& shown = *panel->record();
    QVERIFY(panel->record() != real);
    QCOMPARE(shown.clip->maxGradNorm, c);
    // Numbers of another path: brute force over the norms, and the forms of the Gram matrices.
    double largest = 0;
    for (Index i = 0; i < shown.batchSize(); ++i) {
      const double n = real->norms->global[static_cast<std::size_t>(i)];
      QVERIFY(std::abs(shown.clip->factors.factor(i, 0) - std::min(1.0, c / (n + 1e-6))) < 1e-12);
      largest = std::max(largest, std::min(n, c * n / (n + 1e-6)));
    }
    QVERIFY(std::abs(shown.clip->worstContribution - largest) < 1e-12);
    QCOMPARE(shown.noise->std, c * controller()->experiment().noise.noiseMultiplier);
    // The same draw, scaled by another std.
    const double ratio = shown.noise->std / real->noise->std;
    QVERIFY(std::abs(shown.noise->realised - ratio * real->noise->realised) <
            1e-5 * shown.noise->realised);
    QVERIFY(!shown.account && !shown.update);
  }
  raise(window()->clipFactors());
  QVERIFY(window()->clipFactors()->summary().startsWith("if C = " + shortNumber(c, 3)));
  QTest::keyClick(norms->handle(), Qt::Key_Escape);
  for (Panel* panel : std::initializer_list<Panel*>{window()->layers(), window()->examples(),
                                                    window()->clipFactors(), window()->noise()})
    QCOMPARE(panel->record(), real);
  QVERIFY(!window()->clipFactors()->summary().contains("if C"));
}

void TestWhatIfWindow::oneGroupsThreshold() {
  Experiment e = controller()->experiment();
  e.clipping.grouping = GroupingKind::PerParameter;
  controller()->edit(e);
  settle();
  controller()->step();
  settle();
  controller()->advanceTo(Phase::Clip);
  settle();
  prepare();
  NormsPanel* norms = window()->norms();
  norms->showTensor(2);
  const double equal = record().clip->groups[2].threshold;
  QCOMPARE(norms->handle()->value(), equal);
  norms->handle()->setFocus();
  QTest::keyClick(norms->handle(), Qt::Key_Right);
  QVERIFY(std::abs(state().triedRules().thresholds[2] / equal - 1.05) < 1e-12);
  QCOMPARE(state().triedRules().thresholds[1], equal);
  Index counted = 0;
  for (Index i = 0; i < record().batchSize(); ++i)
    counted += record().norms->norms.at(i, 2) > 1.05 * equal;
  QCOMPARE(state().numbers().groups[2].clippedFraction,
           static_cast<double>(counted) / static_cast<double>(record().batchSize()));
  QTest::keyClick(norms->handle(), Qt::Key_Return);
  const ClippingSettings& set = controller()->experiment().clipping;
  QVERIFY(set.thresholds == ThresholdRule::Custom);
  const std::string name = record().clip->groups[2].name;
  QVERIFY(std::abs(set.groupThresholds.at(name) / equal - 1.05) < 1e-12);
  controller()->step();
  settle();
  controller()->step();
  settle();
  QVERIFY(std::abs(record().clip->groups[2].threshold / equal - 1.05) < 1e-12);
  QVERIFY(std::abs(record().clip->groups[0].threshold / equal - 1) < 1e-12);
}

void TestWhatIfWindow::numbersWithoutTheMatrices() {
  prepare();
  state().tryMaxGradNorm(1.5);
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step > 6, 60000);
  QVERIFY(state().isTrying());
  QCOMPARE(state().maxGradNorm(), 1.5);
  QVERIFY(!state().hasGram());
  // Norms alone say how many would be clipped, and the panel says so.
  const auto shown = state().record();
  Index counted = 0;
  for (const double n : shown->norms->global) counted += n > 1.5;
  QCOMPARE(state().numbers().clippedFraction,
           static_cast<double>(counted) / static_cast<double>(shown->batchSize()));
  QVERIFY(std::isnan(state().numbers().total.signal));
  QVERIFY(window()->norms()->summary().contains("SNR –"));
  pauseWithNorms();
  prepare();
  QVERIFY(std::isfinite(state().numbers().total.signal));
  QVERIFY(!window()->norms()->summary().contains("SNR –"));
}

void TestWhatIfWindow::anyCommandStopsTheMatrices() {
  // A model whose matrices take far longer than a step to build.
  Experiment e = small();
  e.data.digits.count = 1200;
  e.model.preset = "mnist-cnn";
  e.sampling.expectedBatchSize = 700;
  controller()->openExperiment(e);
  settle();
  QVERIFY(controller()->isPreparing());
  QVERIFY(!state().hasGram());
  const auto norms = record().norms;
  controller()->advanceTo(Phase::Noise);
  settle();
  // The command came first: the matrices were not there yet when its record was.
  QVERIFY(record().has(Phase::Noise));
  prepare();
  QCOMPARE(record().norms, norms);
  // A result of a batch that is gone is dropped.
  const auto gram = state().whatIf()->gram();
  controller()->step();
  settle();
  controller()->step();
  settle();
  QVERIFY(!state().hasGram() || state().whatIf()->gram() != gram);
  state().setGram(norms, gram);
  QVERIFY(!state().hasGram() || state().whatIf()->gram() != gram);
}

void TestWhatIfWindow::theDocksSlider() {
  prepare();
  QSlider* slider = window()->dock()->slider()->slider();
  QVERIFY(slider->isEnabled());
  // Held and moved: tried. Let go: set.
  slider->setSliderDown(true);
  slider->setSliderPosition(slider->value() - 80);
  emit slider->valueChanged(slider->value());
  QVERIFY(state().isTrying() && state().maxGradNorm() < 3);
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 3.0);
  QVERIFY(window()->norms()->summary().contains("What if"));
  const double c = state().maxGradNorm();
  slider->setSliderDown(false);
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, c);
  settle();
  prepare();
  // A key is a whole move.
  slider->setFocus();
  QTest::keyClick(slider, Qt::Key_Right);
  QVERIFY(controller()->experiment().clipping.maxGradNorm > c);
  settle();
  prepare();
  // The link sets the suggestion.
  const double exact = state().suggestedExact();
  QVERIFY(window()->dock()->slider()->suggestion()->text().contains(shortNumber(exact, 2)));
  emit window()->dock()->slider()->suggestion()->linkActivated(QStringLiteral("exact"));
  QVERIFY(std::abs(controller()->experiment().clipping.maxGradNorm / exact - 1) < 1e-9);
}

void TestWhatIfWindow::suggestionsAreTheMinima() {
  prepare();
  QVERIFY(std::abs(state().suggestedBound() / record().clip->suggestedThreshold - 1) < 1e-9);
  const auto budget = state().budget();
  const double least = budget->at(state().suggestedExact()).total;
  for (const BudgetPoint& p : budget->curve(0.01, 100, 500)) QVERIFY(p.total >= least * (1 - 1e-9));
}

void TestWhatIfWindow::budgetPanel() {
  prepare();
  BudgetPanel* panel = window()->budget();
  raise(panel);
  QVERIFY(panel->summary().contains(shortNumber(state().suggestedExact(), 3)));
  QCOMPARE(panel->curve().size(), std::size_t{121});
  // A point of the curve is what the numbers are at that C.
  const BudgetPoint p = panel->curve()[60];
  const WhatIfNumbers w =
      state().whatIf()->evaluate(state().rules().withMaxGradNorm(p.maxGradNorm));
  QVERIFY(std::abs(p.total / w.budget.total - 1) < 1e-5);
  // Its line moves the same C.
  drag(panel->handle(), panel->plot(), 30);
  QVERIFY(state().isTrying() && state().maxGradNorm() > 3);
  drop(panel->handle(), panel->plot());
  QCOMPARE(window()->norms()->handle()->value(), state().maxGradNorm());
  const Folder folder;
  QVERIFY(panel->exportTo(QString::fromStdString((folder / "b.csv").string())));
  const CsvTable csv = readCsv(folder / "b.csv", CsvHeader::Present);
  QCOMPARE(csv.rows.size(), panel->curve().size());
  QCOMPARE(std::strtof(csv.rows[60][4].c_str(), nullptr),
           static_cast<float>(panel->curve()[60].total));
}

QTEST_MAIN(TestWhatIfWindow)
#include "test_what_if_window.moc"
