// SPDX-License-Identifier: GPL-3.0-or-later
#include <QComboBox>
#include <QToolButton>
#include <QtTest>
#include <algorithm>
#include <cmath>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "tests/ui/panel_bench.h"
#include "ui/panels/clip_factors_panel.h"
#include "ui/panels/group_curves.h"
#include "ui/plots/plot.h"

using namespace clipscope;
using namespace clipscope::test;

using Bench = PanelBench<ClipFactorsPanel>;

/// What the Clip factors panel counts is what the factors are, one by one; a click selects exactly
/// what a bar stands for.
class TestClipFactorsPanel : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }
  void countsAgreeWithBruteForce_data();
  void countsAgreeWithBruteForce();
  void automaticRulesGoBeyondOne();
  void droppedExamplesAreSaid();
  void phasesAndEmptyBatches();
  void clickAndRectangleSelect();
  void groupsAsCurves();
  void csvIsThePicture();
};

void TestClipFactorsPanel::countsAgreeWithBruteForce_data() {
  QTest::addColumn<QString>("strategy");
  QTest::addColumn<int>("grouping");
  QTest::addColumn<double>("c");
  for (const char* strategy : {"threshold", "auto_s", "global", "none", "psac"})
    for (const int grouping : {0, 2})
      for (const double c : {0.05, 1.0, 50.0})
        QTest::addRow("%s %d %g", strategy, grouping, c) << QString(strategy) << grouping << c;
}

void TestClipFactorsPanel::countsAgreeWithBruteForce() {
  QFETCH(const QString, strategy);
  QFETCH(const int, grouping);
  QFETCH(const double, c);
  Experiment e = smallExperiment();
  e.clipping.strategy = strategy.toStdString();
  e.clipping.grouping = static_cast<GroupingKind>(grouping);
  e.clipping.maxGradNorm = c;
  e.sampling.expectedBatchSize = 60;
  Trainer trainer(e, smallData());
  const auto record = trainer.advanceTo(Phase::Clip);
  const ClipFactors& factors = record->clip->factors;
  for (Index group = -1; group < factors.groups(); ++group)
    for (const bool logarithmic : {false, true}) {
      const FactorHistogram h = makeFactorHistogram(*record, group, logarithmic, 23);
      std::vector<double> all;
      for (Index i = 0; i < record->batchSize(); ++i)
        all.push_back(group < 0 ? factors.overallFactor(i) : factors.factor(i, group));
      const auto count = [&](auto&& rule) {
        return static_cast<Index>(std::count_if(all.begin(), all.end(), rule));
      };
      double sum = 0;
      for (const double f : all) sum += f;
      QVERIFY(std::abs(h.mean - sum / static_cast<double>(all.size())) <= 1e-12 * h.mean);
      const bool apart = count([](double f) { return f > 1; }) == 0;
      QCOMPARE(h.oneStandsApart, apart);
      QCOMPARE(h.unclipped, apart ? count([](double f) { return f == 1; }) : Index{0});
      QCOMPARE(h.zeros, logarithmic ? count([](double f) { return f == 0; }) : Index{0});
      Index total = h.unclipped + h.zeros;
      for (Index k = 0; k < h.bins(); ++k) {
        const auto at = static_cast<std::size_t>(k);
        total += h.counts[at];
        const bool last = k + 1 == h.bins();
        const Index expected = count([&](double f) {
          if (apart && f == 1) return false;
          if (logarithmic && f == 0) return false;
          const double x = logarithmic ? std::log10(f) : f;
          return x >= h.edges[at] - 1e-12 && (last || x < h.edges[at + 1] - 1e-12);
        });
        QCOMPARE(h.counts[at], expected);
      }
      QCOMPARE(total, record->batchSize());
      for (const double f : {0.0, 0.1, 0.5, 0.999, 1.0, 7.0})
        QVERIFY(std::abs(h.cumulative(f) -
                         static_cast<double>(count([&](double x) { return x <= f; })) /
                             static_cast<double>(all.size())) < 1e-15);
      std::sort(all.begin(), all.end());
      QCOMPARE(h.smallest, all.front());
      QCOMPARE(h.largest, all.back());
      const std::size_t n = all.size();
      QVERIFY(std::abs(h.median - (all[(n - 1) / 2] + all[n / 2]) / 2) <= 1e-15);
    }
}

void TestClipFactorsPanel::automaticRulesGoBeyondOne() {
  Experiment e = smallExperiment();
  e.clipping.strategy = "auto_s";
  e.clipping.maxGradNorm = 5;
  Bench bench(e);
  bench.advance(Phase::Clip);
  const FactorHistogram& h = bench.panel().histogram();
  QVERIFY(!h.oneStandsApart && h.largest > 1);
  QVERIFY(bench.panel().plot()->xAxis->range().upper > h.largest);
  QVERIFY(bench.panel().summary().contains("scaled up"));
  QVERIFY(!bench.panel().summary().contains("clipped"));
}

void TestClipFactorsPanel::droppedExamplesAreSaid() {
  Experiment e = smallExperiment();
  Bench bench(e);
  Parameters broken = bench.trainer().parameters();
  const ParameterId bias = broken.table().find("fc2.bias");
  broken[bias][0] = INFINITY;
  bench.trainer().setParameters(broken);
  bench.advance(Phase::Clip);
  const FactorHistogram& h = bench.panel().histogram();
  QCOMPARE(h.dropped, bench.record().batchSize());
  QVERIFY(h.examples.empty());
  QVERIFY(bench.panel().summary().contains("not finite"));
  QVERIFY(bench.panel().summary().contains("median f –"));
}

void TestClipFactorsPanel::phasesAndEmptyBatches() {
  Bench bench(smallExperiment());
  bench.advance(Phase::Norms);
  QVERIFY(bench.emptyText().contains("Clip"));
  bench.advance(Phase::Clip);
  QVERIFY(bench.emptyText().isEmpty());
  QVERIFY(bench.panel().summary().contains("median f"));
  Experiment e = smallExperiment();
  e.sampling.sampleRate = 1e-9;
  Bench empty(e);
  empty.advance(Phase::Clip);
  QVERIFY(empty.emptyText().contains("empty"));
}

void TestClipFactorsPanel::clickAndRectangleSelect() {
  Experiment e = smallExperiment();
  e.sampling.expectedBatchSize = 60;
  Trainer probe(e, smallData());
  // A threshold at the median, so that both kinds are there.
  e.clipping.maxGradNorm = probe.advanceTo(Phase::Norms)->norms->q50;
  Bench bench(e);
  bench.advance(Phase::Clip);
  Plot* plot = bench.panel().plot();
  const FactorHistogram& h = bench.panel().histogram();
  QVERIFY(h.unclipped > 0);
  QTest::qWait(30);
  const auto click = [&](double x, Qt::KeyboardModifiers modifiers = {}) {
    const QPoint at(static_cast<int>(plot->xAxis->coordToPixel(x)), plot->axisRect()->bottom() - 3);
    QTest::mouseClick(plot, Qt::LeftButton, modifiers, at);
  };
  click(h.unclippedAt());
  QCOMPARE(static_cast<Index>(bench.selection().examples().size()), h.unclipped);
  for (const Index example : bench.selection().examples()) {
    const auto& drawn = bench.record().sample->examples;
    const auto row = std::find(drawn.begin(), drawn.end(), example) - drawn.begin();
    QCOMPARE(bench.record().clip->factors.overallFactor(static_cast<Index>(row)), 1.0);
  }
  const auto fullest = std::max_element(h.counts.begin(), h.counts.end()) - h.counts.begin();
  const double middle = h.edges[static_cast<std::size_t>(fullest)] + h.width() / 2;
  click(middle);
  QCOMPARE(static_cast<Index>(bench.selection().examples().size()),
           h.counts[static_cast<std::size_t>(fullest)]);
  click(h.unclippedAt(), Qt::ControlModifier);
  QCOMPARE(static_cast<Index>(bench.selection().examples().size()),
           h.counts[static_cast<std::size_t>(fullest)] + h.unclipped);
  // Lit: a mark for each selected one.
  int marks = 0;
  for (int g = 0; g < plot->graphCount(); ++g)
    if (plot->graph(g)->lineStyle() == QCPGraph::lsNone) marks += plot->graph(g)->dataCount();
  QCOMPARE(marks, static_cast<int>(bench.selection().examples().size()));
  bench.selection().clear();
  emit plot->rectangleSelected(QRectF(-1, 0, 100, 1));
  QCOMPARE(static_cast<Index>(bench.selection().examples().size()), bench.record().batchSize());
}

void TestClipFactorsPanel::groupsAsCurves() {
  Experiment e = smallExperiment();
  e.clipping.grouping = GroupingKind::PerParameter;
  e.clipping.maxGradNorm = 0.5;
  Bench bench(e);
  bench.advance(Phase::Clip);
  QComboBox* choice = bench.panel().choice();
  QVERIFY(choice->isVisible());
  QCOMPARE(choice->count(), 6);  // all, every group, and four tensors
  choice->setFocus();
  QTest::keyClick(choice, Qt::Key_Down);
  QCOMPARE(choice->currentData().toInt(), ClipFactorsPanel::everyGroup);
  GroupCurves* curves = bench.panel().curves();
  QCOMPARE(curves->groups().size(), std::size_t{4});
  for (std::size_t k = 0; k < 4; ++k)
    for (Index i = 0; i < bench.record().batchSize(); ++i)
      QCOMPARE(curves->groups()[k].examples[static_cast<std::size_t>(i)].factor,
               bench.record().clip->factors.factor(i, static_cast<Index>(k)));
  QTest::qWait(30);
  // Names at the right, none over another.
  std::vector<double> heights;
  for (int k = 0; k < bench.panel().plot()->itemCount(); ++k)
    if (auto* text = qobject_cast<QCPItemText*>(bench.panel().plot()->item(k)))
      if (text->visible() && text->text().contains("fc"))
        heights.push_back(text->position->pixelPosition().y());
  QCOMPARE(heights.size(), std::size_t{4});
  std::sort(heights.begin(), heights.end());
  for (std::size_t k = 1; k < 4; ++k) QVERIFY(heights[k] - heights[k - 1] >= 13);
  // A click on a curve shows its group.
  Plot* plot = bench.panel().plot();
  const FactorHistogram ordered = makeFactorHistogram(bench.record(), 2, false, 256);
  const FactorHistogram& h = curves->groups()[2];
  // Without an order the share is that of whole bins, and exact below 1.
  for (const double f : {0.0, 0.2, 0.5, 0.9, 1.0})
    QVERIFY(std::abs(h.cumulative(f) -
                     ordered.cumulative(
                         f == 1 ? 1 : h.edges[static_cast<std::size_t>(h.binOf(f)) + 1] - 1e-12)) <
            1e-12);
  QCOMPARE(h.cumulative(std::nextafter(1.0, 0.0)), ordered.cumulative(std::nextafter(1.0, 0.0)));
  const double x = ordered.median, y = h.cumulative(x);
  const int nearest = curves->nearest({x, y}, 12);
  QVERIFY(nearest >= 0);
  QTest::mouseClick(plot, Qt::LeftButton, {},
                    QPoint(static_cast<int>(plot->xAxis->coordToPixel(x)),
                           static_cast<int>(plot->yAxis->coordToPixel(y))));
  QVERIFY(choice->currentData().toInt() >= 0);
  bench.panel().showFactorsOf(1);
  QVERIFY(std::abs(bench.panel().histogram().median -
                   makeFactorHistogram(bench.record(), 1, false, 40).median) == 0);
  // Flat again: no choice is left to make.
  Experiment flat = e;
  flat.clipping.grouping = GroupingKind::Flat;
  bench.trainer().apply(flat);
  bench.advance(Phase::Account);
  bench.advance(Phase::Clip);
  QVERIFY(!choice->isVisible());
  QCOMPARE(choice->currentData().toInt(), ClipFactorsPanel::wholeGradient);
}

void TestClipFactorsPanel::csvIsThePicture() {
  Experiment e = smallExperiment();
  e.clipping.grouping = GroupingKind::PerLayer;
  e.clipping.maxGradNorm = 1;
  Bench bench(e);
  bench.advance(Phase::Clip);
  const Folder folder;
  const auto read = [&] {
    return readCsv(folder.write("f.csv", bench.panel().csv().toStdString()), CsvHeader::Present);
  };
  const auto sum = [](const CsvTable& csv) {
    double total = 0;
    for (const auto& row : csv.rows) total += std::strtod(row[2].c_str(), nullptr);
    return static_cast<Index>(total);
  };
  QCOMPARE(sum(read()), bench.record().batchSize());
  QTest::mouseClick(bench.panel().logButton(), Qt::LeftButton);
  QVERIFY(bench.panel().histogram().logarithmic);
  QCOMPARE(sum(read()), bench.record().batchSize());
  bench.panel().showFactorsOf(ClipFactorsPanel::everyGroup);
  const CsvTable curves = read();
  QCOMPARE(curves.header.front(), std::string("group"));
  QCOMPARE(static_cast<Index>(curves.rows.size()), 2 * bench.record().batchSize());
}

QTEST_MAIN(TestClipFactorsPanel)
#include "test_clip_factors_panel.moc"
