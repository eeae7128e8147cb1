// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QSlider>
#include <QTableView>
#include <QTest>
#include <QToolButton>
#include <cmath>

#include "engine/formats/csv.h"
#include "engine/training/diagnostics.h"
#include "tests/support/files.h"
#include "tests/ui/what_if_test.h"
#include "ui/panels/clip_slider.h"
#include "ui/panels/compare_editor.h"
#include "ui/panels/compare_panel.h"
#include "ui/plots/number_format.h"
#include "ui/window/experiment_dock.h"

using namespace clipscope;
using namespace clipscope::test;

/// Compare in the real window: its numbers are those of plain sums over gradients formed in double,
/// and what is dragged in it is what it shows.
class TestComparePanel : public WhatIfTest {
  Q_OBJECT

 private slots:
  void compareNumbers();
  void everyNumberIsExplained();
  void compareViewsAndSelection();
  void compareColumns();
  void columnsComeBack();
  void bestNeedsTheSamePrivacy();
  void useAColumn();
  void everythingFitsWhenSmall();
  void anAdaptiveThresholdsCounts();
  void theSliderTries();
  void theSliderMovesOneGroup();
  void theLineIsDragged();
};

void TestComparePanel::compareNumbers() {
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

/// A tip has the formula, the column, and the very number that stands in the cell.
void TestComparePanel::everyNumberIsExplained() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  const CompareSet& set = panel->set();
  const QAbstractItemModel* model = panel->table()->model();
  using Row = CompareSet::Row;
  for (int row = 0; row < CompareSet::rows; ++row)
    for (std::size_t column = 0; column < set.columns.size(); ++column) {
      const auto which = static_cast<Row>(row);
      const QString tip =
          model->index(row, static_cast<int>(column) + 1).data(Qt::ToolTipRole).toString();
      QVERIFY(tip.startsWith(CompareSet::explanation(which)));
      QVERIFY(tip.contains(longName(set.columns[column]) + QStringLiteral(": = ")));
      const double value = set.value(which, column);
      if (std::isnan(value)) continue;
      const bool isShare = which == Row::Clipped || which == Row::ScaledUp;
      QVERIFY2(tip.contains(isShare ? percent(value) : shortNumber(value, 4)), qPrintable(tip));
    }
  // And the numbers in the formula give it.
  const WhatIfNumbers& n = *set.numbers(0);
  QVERIFY(
      set.words(Row::Snr, 0)
          .contains(QStringLiteral("%1 / %2 = %3")
                        .arg(shortNumber(n.total.signal, 4), shortNumber(n.total.noiseExpected, 4),
                             shortNumber(n.total.snr, 4))));
  double before = 0, after = 0;
  for (Index i = 0; i < record().batchSize(); ++i) {
    before += record().norms->global[static_cast<std::size_t>(i)];
    after += std::min(3.0, record().norms->global[static_cast<std::size_t>(i)]);
  }
  QVERIFY(set.words(Row::Retained, 0)
              .contains(
                  QStringLiteral("%1 / %2 = ").arg(shortNumber(after, 4), shortNumber(before, 4))));
  QVERIFY(set.words(Row::EffectiveSigma, 1).contains(QStringLiteral("McMahan")));
}

void TestComparePanel::compareViewsAndSelection() {
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

void TestComparePanel::compareColumns() {
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

void TestComparePanel::bestNeedsTheSamePrivacy() {
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

void TestComparePanel::useAColumn() {
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

void TestComparePanel::everythingFitsWhenSmall() {
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

void TestComparePanel::anAdaptiveThresholdsCounts() {
  Experiment e = small();
  e.clipping.adaptive.enabled = true;
  e.clipping.adaptive.countStd = 4;
  controller()->openExperiment(e);
  settle();
  prepare();
  const CompareSet& set = window()->compare()->set();
  raise(window()->compare());
  const double sigma = e.noise.noiseMultiplier;
  for (std::size_t column = 0; column < 3; ++column) {
    // The gradients and K counts together spend σ; the gradients alone have z.
    const double k = static_cast<double>(set.numbers(column)->groups.size());
    const double z = 1 / std::sqrt(1 / (sigma * sigma) - k / (4 * 16.0));
    QVERIFY(std::abs(set.value(CompareSet::Row::EffectiveSigma, column) / sigma - 1) < 1e-9);
    QVERIFY(std::abs(set.numbers(column)->total.noiseExpected /
                         (z * 3 * std::sqrt(static_cast<double>(record().info->dimension))) -
                     1) < 1e-9);
  }
  QVERIFY(set.isComparable());
}

void TestComparePanel::theSliderTries() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  QSlider* slider = panel->slider()->slider();
  QVERIFY(slider->isVisible() && slider->isEnabled());
  QVERIFY(panel->slider()->choice()->isHidden());
  QVERIFY(panel->slider()->suggestion()->text().contains("C 3"));
  slider->setFocus();
  for (int k = 0; k < 3; ++k) QTest::keyClick(slider, Qt::Key_PageDown);
  const double c = state().maxGradNorm();
  QVERIFY(state().isTrying() && c < 3);
  // Tried, not set; every column follows.
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 3.0);
  for (std::size_t k = 0; k < 3; ++k) QCOMPARE(panel->set().numbers(k)->maxGradNorm, c);
  QVERIFY(panel->slider()->suggestion()->text().contains(shortNumber(c, 3)));
  Index clipped = 0;
  for (const double n : record().norms->global) clipped += n > c;
  QCOMPARE(panel->set().value(CompareSet::Row::Clipped, 0),
           static_cast<double>(clipped) / static_cast<double>(record().batchSize()));
}

void TestComparePanel::theSliderMovesOneGroup() {
  Experiment e = small();
  e.clipping.grouping = GroupingKind::PerParameter;
  controller()->openExperiment(e);
  settle();
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  ClipSlider* slider = panel->slider();
  QVERIFY(slider->choice()->isVisible());
  QCOMPARE(slider->choice()->count(), 1 + static_cast<int>(record().info->tensors.size()));
  QCOMPARE(slider->choice()->itemText(3), QString::fromStdString(record().info->tensors[2]));
  slider->choice()->setFocus();
  for (int k = 0; k < 3; ++k) QTest::keyClick(slider->choice(), Qt::Key_Down);
  QCOMPARE(slider->choice()->currentIndex(), 3);
  QVERIFY(slider->suggestion()->text().contains("C_k"));
  const std::vector<double> before = state().rules().thresholds;
  slider->slider()->setFocus();
  QTest::keyClick(slider->slider(), Qt::Key_PageDown);
  const std::vector<double> after = state().triedRules().thresholds;
  for (std::size_t k = 0; k < before.size(); ++k)
    QVERIFY(k == 2 ? after[k] < before[k] : after[k] == before[k]);
  // The column with the experiment's clipping has that one threshold, to the number.
  const WhatIfNumbers* numbers = panel->set().numbers(1);
  Index clipped = 0;
  for (Index i = 0; i < record().batchSize(); ++i)
    clipped += record().norms->norms.at(i, 2) > after[2];
  QCOMPARE(numbers->groups[2].threshold, after[2]);
  QCOMPARE(numbers->groups[2].clippedFraction,
           static_cast<double>(clipped) / static_cast<double>(record().batchSize()));
  // The dock moves one group as well, and sets it.
  ClipSlider* dock = window()->dock()->slider();
  state().giveUp();
  dock->choice()->setFocus();
  for (int k = 0; k < 3; ++k) QTest::keyClick(dock->choice(), Qt::Key_Down);
  dock->slider()->setFocus();
  QTest::keyClick(dock->slider(), Qt::Key_PageDown);
  const ClippingSettings& set = controller()->experiment().clipping;
  QVERIFY(set.thresholds == ThresholdRule::Custom);
  QVERIFY(set.groupThresholds.at(record().info->tensors[2]) < before[2]);
  QCOMPARE(set.groupThresholds.at(record().info->tensors[1]), before[1]);
}

void TestComparePanel::theLineIsDragged() {
  prepare();
  ComparePanel* panel = window()->compare();
  raise(panel);
  ComparePlot* plot = panel->plot();
  QVERIFY(!plot->handle()->isVisible());  // a factor's axis has no C
  for (const auto view : {ComparePlot::View::Norms, ComparePlot::View::Histogram}) {
    QTest::mouseClick(panel->viewButton(view), Qt::LeftButton);
    QTest::qWait(30);
    QVERIFY(plot->handle()->isVisible());
    QCOMPARE(plot->handle()->value(), 3.0);
    const double line = plot->handle()->linePixel();
    drag(plot->handle(), plot, -30);
    QVERIFY(state().isTrying());
    QVERIFY(std::abs(plot->handle()->linePixel() - (line - 30)) < 2);
    QCOMPARE(panel->set().numbers(1)->maxGradNorm, state().maxGradNorm());
    QCOMPARE(std::log10(state().maxGradNorm()),
             plot->xAxis->pixelToCoord(plot->handle()->linePixel()));
    drop(plot->handle(), plot);
    QVERIFY(state().isTrying());
    QTest::keyClick(plot->handle(), Qt::Key_Escape);
    QVERIFY(!state().isTrying());
  }
}

void TestComparePanel::columnsComeBack() {
  prepare();
  CompareColumn column;
  column.grouping = GroupingKind::PerLayer;
  column.strategy = "psac";
  column.allocation = NoiseAllocation::LeastPower;
  column.thresholds = ThresholdRule::Median;
  column.maxGradNorm = 0.25;
  window()->compare()->setColumn(1, column);
  window()->compare()->addColumn();
  const std::vector<CompareColumn> columns = window()->compare()->set().columns;
  MainWindow next;
  QVERIFY(next.compare()->set().columns == columns);
  QCOMPARE(next.compare()->yColumn()->count(), 4);
  // What cannot be read is left aside.
  QSettings().setValue("compare/columns", QStringList{"nonsense", ""});
  QCOMPARE(MainWindow().compare()->set().columns.size(), std::size_t{3});
}

QTEST_MAIN(TestComparePanel)
#include "test_compare_panel.moc"
