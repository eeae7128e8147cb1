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
#include "tests/ui/window_test.h"
#include "ui/panels/budget_panel.h"
#include "ui/panels/clip_factors_panel.h"
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
#include "ui/window/clip_slider.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// What-if driven with mouse and keys in the real window: what is shown is what the engine's
/// arithmetic and, from gradients formed in double, plain sums give.
class TestWhatIfWindow : public WindowTest {
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
  void compareNumbers();
  void compareViewsAndSelection();
  void compareColumns();
  void bestNeedsTheSamePrivacy();
  void useAColumn();
  void everythingFitsWhenSmall();

 private:
  WhatIfState& state() { return *controller()->whatIf(); }
  void prepare() {
    QTRY_VERIFY_WITH_TIMEOUT(!controller()->isBusy() && !controller()->isPreparing(), 60000);
    QTRY_VERIFY(state().hasGram());
  }
  /// Norms is in front on a first start; others are raised.
  void raise(Panel* panel) {
    window()->docks()->show(panel);
    QTRY_VERIFY(window()->docks()->isShown(panel));
    QTest::qWait(20);
  }
  void drag(ThresholdHandle* handle, Plot* plot, double pixels) {
    const QPoint from(qRound(handle->linePixel()), plot->axisRect()->bottom() - 10);
    QTest::mousePress(plot, Qt::LeftButton, {}, from);
    for (int k = 1; k <= 5; ++k) QTest::mouseMove(plot, from + QPoint(qRound(pixels * k / 5), 0));
  }
  void drop(ThresholdHandle* handle, Plot* plot) {
    QTest::mouseRelease(plot, Qt::LeftButton, {},
                        QPoint(qRound(handle->linePixel()), plot->axisRect()->bottom() - 10));
  }
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

void TestWhatIfWindow::compareNumbers() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  const CompareSet& set = panel->set();
  QCOMPARE(set.columns.size(), std::size_t{3});
  // Brute force in double, from the batch's gradients.
  Trainer trainer(small(), loadDataset(small().data));
  trainer.advanceTo(Phase::Clip);
  const auto probe = trainer.probe();
  QCOMPARE(probe->examples(), record().sample->examples);
  const ParameterTable& table = probe->model().table();
  const auto tensors = static_cast<std::size_t>(table.trainableCount());
  for (std::size_t column = 0; column < 3; ++column) {
    std::vector<double> s(static_cast<std::size_t>(table.trainableExtent())), u(s);
    double retained = 0, whole = 0;
    for (Index i = 0; i < record().batchSize(); ++i) {
      const GradientSet g = probe->gradient(i);
      std::vector<double> norms(tensors), factors(tensors);
      double n = 0, after = 0;
      for (std::size_t t = 0; t < tensors; ++t) {
        norms[t] = g.norm(table.trainable()[t]);
        n += norms[t] * norms[t];
      }
      n = std::sqrt(n);
      for (std::size_t t = 0; t < tensors; ++t) {
        const double c = 3 / std::sqrt(static_cast<double>(tensors));
        factors[t] = column == 0   ? std::min(1.0, 3 / (n + 1e-6))
                     : column == 1 ? std::min(1.0, c / (norms[t] + 1e-6))
                                   : 3 / (n + 0.01);
        after += factors[t] * norms[t] * factors[t] * norms[t];
        const auto values = g[table.trainable()[t]];
        const auto offset =
            static_cast<std::size_t>(table.trainableInfo(static_cast<Index>(t)).offset);
        for (std::size_t j = 0; j < values.size(); ++j) {
          s[offset + j] += factors[t] * values[j];
          u[offset + j] += values[j];
        }
      }
      whole += n;
      retained += std::sqrt(after);
      QVERIFY(std::abs(set.numbers(column)->factors.overallFactor(i) * n / std::sqrt(after) - 1) <
              1e-5);
    }
    double ss = 0, uu = 0, su = 0, dd = 0;
    for (std::size_t j = 0; j < s.size(); ++j) {
      ss += s[j] * s[j];
      uu += u[j] * u[j];
      su += s[j] * u[j];
      dd += (s[j] - u[j]) * (s[j] - u[j]);
    }
    using Row = CompareSet::Row;
    const double noise = 3 * 1.1 * std::sqrt(static_cast<double>(table.dimension()));
    const std::pair<Row, double> numbers[] = {
        {Row::Retained, retained / whole}, {Row::Cosine, su / std::sqrt(ss * uu)},
        {Row::Bias, std::sqrt(dd / uu)},   {Row::BiasScaleFree, std::sqrt(1 - su * su / ss / uu)},
        {Row::Signal, std::sqrt(ss)},      {Row::NoiseExpected, noise},
        {Row::Snr, std::sqrt(ss) / noise}, {Row::EffectiveSigma, 1.1}};
    for (const auto& [row, number] : numbers) {
      QVERIFY2(std::abs(set.value(row, column) / number - 1) < 1e-4,
               qPrintable(QString("%1 of column %2: %3 for %4")
                              .arg(CompareSet::name(row))
                              .arg(column)
                              .arg(set.value(row, column))
                              .arg(number)));
      // The table shows it, and the best with a tick.
      const QString cell = panel->table()
                               ->model()
                               ->index(static_cast<int>(row), static_cast<int>(column) + 1)
                               .data()
                               .toString();
      QCOMPARE(cell, (set.isBest(row, column) ? QString::fromUtf8("✓ ") : QString()) +
                         shortNumber(set.value(row, column), 3));
    }
  }
  // All columns share one draw: realised noise differs by no more than the stds do.
  QVERIFY(std::abs(set.value(CompareSet::Row::NoiseRealised, 0) /
                       set.value(CompareSet::Row::NoiseRealised, 1) -
                   1) < 1e-12);
  // Best is who reads as the largest, unless all read alike.
  QStringList cosines;
  double largest = -1;
  for (std::size_t k = 0; k < 3; ++k) {
    cosines << shortNumber(set.value(CompareSet::Row::Cosine, k), 3);
    largest = std::max(largest, set.value(CompareSet::Row::Cosine, k));
  }
  const bool alike = cosines.count(cosines[0]) == 3;
  for (std::size_t k = 0; k < 3; ++k)
    QCOMPARE(set.isBest(CompareSet::Row::Cosine, k),
             !alike && cosines[static_cast<qsizetype>(k)] == shortNumber(largest, 3));
  // And they follow what is tried.
  state().tryMaxGradNorm(0.5);
  QCOMPARE(set.numbers(1)->maxGradNorm, 0.5);
  QVERIFY(panel->summary().contains(shortNumber(0.5, 3)));
}

void TestWhatIfWindow::compareViewsAndSelection() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  using View = ComparePlot::View;
  ComparePlot* plot = panel->plot();
  QCOMPARE(plot->points().size(), static_cast<std::size_t>(record().batchSize()));
  const ComparePlot::Point p = plot->points()[3];
  QCOMPARE(p.x, panel->set().numbers(0)->factors.overallFactor(3));
  QCOMPARE(p.y, panel->set().numbers(1)->factors.overallFactor(3));
  QTRY_VERIFY(plot->graph(3)->dataCount() == 0);
  const auto pixel = [&](const ComparePlot::Point& at) {
    return QPoint(qRound(plot->xAxis->coordToPixel(at.x)), qRound(plot->yAxis->coordToPixel(at.y)));
  };
  // The click takes the nearest point, which may share its place with another.
  QTest::mouseClick(plot, Qt::LeftButton, {}, pixel(p));
  QCOMPARE(controller()->selection()->examples().size(), std::size_t{1});
  const Index clicked = controller()->selection()->current();
  const auto found = std::find_if(plot->points().begin(), plot->points().end(),
                                  [&](const auto& q) { return q.example == clicked; });
  QVERIFY((pixel(*found) - pixel(p)).manhattanLength() <= 2);
  QCOMPARE(plot->graph(3)->dataCount(), 1);
  // A rectangle takes all in it.
  const QRect area = plot->axisRect()->rect();
  QTest::mousePress(plot, Qt::LeftButton, Qt::ControlModifier, area.topLeft() + QPoint(1, 1));
  QTest::mouseMove(plot, area.center());
  QTest::mouseMove(plot, area.bottomRight() - QPoint(1, 1));
  QTest::mouseRelease(plot, Qt::LeftButton, Qt::ControlModifier, area.bottomRight() - QPoint(1, 1));
  QCOMPARE(controller()->selection()->examples().size(), plot->points().size());
  controller()->selection()->clear();
  // The other axis, and the other views.
  panel->yColumn()->setCurrentIndex(2);
  QCOMPARE(plot->points()[3].y, panel->set().numbers(2)->factors.overallFactor(3));
  QTest::mouseClick(panel->viewButton(View::Norms), Qt::LeftButton);
  QVERIFY(std::abs(std::pow(10.0, plot->points()[3].y) /
                       panel->set().numbers(2)->factors.clippedNorm(3) -
                   1) < 1e-9);
  QTest::mouseClick(panel->viewButton(View::Layers), Qt::LeftButton);
  QCOMPARE(plot->bars().size(), record().info->tensors.size());
  QCOMPARE(plot->bars()[1].second, panel->set().numbers(2)->tensors[1].retainedNorm);
  QTest::mouseClick(panel->viewButton(View::Histogram), Qt::LeftButton);
  QVERIFY(plot->graph(0)->dataCount() > 10);
  // One file has all of it.
  const Folder folder;
  QVERIFY(panel->exportTo(QString::fromStdString((folder / "c.csv").string())));
  const CsvTable csv = readCsv(folder / "c.csv", CsvHeader::Present);
  const auto batch = static_cast<std::size_t>(record().batchSize());
  QCOMPARE(csv.rows.size(),
           batch + 3 * (1 + CompareSet::rows + record().info->tensors.size() + 2 * batch));
}

void TestWhatIfWindow::compareColumns() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  CompareEditor* editor = panel->editColumn(2);
  QTRY_VERIFY(editor->isVisible());
  editor->grouping()->setCurrentIndex(editor->grouping()->findData(1));
  editor->allocation()->setFocus();
  QTest::keyClick(editor->allocation(), Qt::Key_Down);
  QTest::keyClicks(editor->maxGradNorm(), "2");
  editor->close();
  const CompareColumn& column = panel->set().columns[2];
  QVERIFY(column.grouping == GroupingKind::PerLayer && column.strategy == "auto_s");
  QVERIFY(column.allocation == NoiseAllocation::EqualBudget);
  QCOMPARE(column.maxGradNorm, std::optional<double>(2.0));
  QCOMPARE(panel->set().numbers(2)->maxGradNorm, 2.0);
  QCOMPARE(panel->set().numbers(0)->maxGradNorm, 3.0);
  QVERIFY(panel->xColumn()->itemText(2).contains("layer AUTO-S"));
  for (int k = 3; k < 6; ++k) panel->addColumn();
  panel->addColumn();
  QCOMPARE(panel->set().columns.size(), CompareSet::most);
  QCOMPARE(panel->table()->model()->columnCount(), 7);
  for (std::size_t a = 0; a < 6; ++a)
    for (std::size_t b = 0; b < a; ++b)
      QVERIFY(!(panel->set().columns[a] == panel->set().columns[b]));
  for (int k = 0; k < 9; ++k) panel->removeColumn(0);
  QCOMPARE(panel->set().columns.size(), CompareSet::least);
  QCOMPARE(panel->yColumn()->count(), 2);
}

void TestWhatIfWindow::bestNeedsTheSamePrivacy() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  QVERIFY(panel->set().isComparable());
  // "none" has no privacy: it never is best, and takes nothing from the others.
  CompareColumn none;
  none.strategy = "none";
  panel->setColumn(2, none);
  QVERIFY(panel->set().isComparable());
  QCOMPARE(panel->set().value(CompareSet::Row::EffectiveSigma, 2), 0.0);
  for (int row = 0; row < CompareSet::rows; ++row)
    QVERIFY(!panel->set().isBest(static_cast<CompareSet::Row>(row), 2));
  const auto shown = [&](std::size_t k) { return panel->set().text(CompareSet::Row::Bias, k); };
  QVERIFY(shown(0) != shown(1));
  QVERIFY(panel->set().isBest(CompareSet::Row::Bias, 0) !=
          panel->set().isBest(CompareSet::Row::Bias, 1));
}

void TestWhatIfWindow::useAColumn() {
  prepare();
  raise(window()->compare());
  QMenu menu;
  window()->compare()->fillColumnMenu(menu, 1);
  for (QAction* action : menu.actions())
    if (action->text().startsWith("Use")) action->trigger();
  QVERIFY(controller()->experiment().clipping.grouping == GroupingKind::PerParameter);
  settle();
  controller()->step();
  settle();
  controller()->step();
  settle();
  QCOMPARE(record().clip->groups.size(), record().info->tensors.size());
}

void TestWhatIfWindow::everythingFitsWhenSmall() {
  prepare();
  ComparePanel* panel = window()->compare();
  QDockWidget* dock = window()->docks()->dockOf(panel);
  raise(panel);
  dock->setFloating(true);
  for (const QSize size : {QSize(420, 300), QSize(700, 450), QSize(1200, 800)}) {
    dock->resize(size);
    QTest::qWait(50);
    QVERIFY2(dock->width() <= size.width() && dock->height() <= size.height(),
             qPrintable(QString("%1×%2").arg(dock->width()).arg(dock->height())));
    const bool narrow = panel->width() < 560;
    QCOMPARE(panel->table()->isVisible(), !narrow);
    QCOMPARE(panel->tableButton()->isVisible(), narrow);
    if (!narrow) continue;
    QTest::mouseClick(panel->tableButton(), Qt::LeftButton);
    QVERIFY(panel->table()->isVisible() && !panel->plot()->isVisible());
    QTest::mouseClick(panel->viewButton(ComparePlot::View::Factors), Qt::LeftButton);
    QVERIFY(!panel->table()->isVisible() && panel->plot()->isVisible());
  }
  dock->setFloating(false);
}

QTEST_MAIN(TestWhatIfWindow)
#include "test_what_if_window.moc"
