// SPDX-License-Identifier: GPL-3.0-or-later
#include <QtTest>

#include "tests/ui/panel_bench.h"
#include "ui/panels/paired_bars.h"
#include "ui/panels/time_panel.h"
#include "ui/panels/time_table.h"

using namespace clipscope;
using namespace clipscope::test;

using Bench = PanelBench<TimePanel>;

/// The Time panel shows the record's own times: phase by phase as they are reached, and layer by
/// layer; its medians are those of the steps it was shown.
class TestTimePanel : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }
  void layersHaveTheirTimes();
  void phaseByPhase();
  void mediansAreOfTheStepsShown();
  void csvIsThePicture();
};

void TestTimePanel::layersHaveTheirTimes() {
  Bench bench(residualExperiment(), smallImages());
  bench.advance(Phase::Account);
  const StepRecord& r = bench.record();
  const TimeTable& table = *bench.panel().table();
  QCOMPARE(r.info->modelLayers.size(), std::size_t{12});
  // A block's sum stands behind the layers in it, under the block's name.
  QCOMPARE(r.info->modelLayers[4], std::string("conv3"));
  QCOMPARE(r.info->modelLayers[6], std::string("res2"));
  QCOMPARE(r.info->modelLayers[7], std::string("conv4"));
  QCOMPARE(r.info->modelLayers[8], std::string("res1"));
  QCOMPARE(table.rowCount(), 12);
  double shares = 0, passes[4] = {};
  for (int row = 0; row < table.rowCount(); ++row) {
    const TimesPart::Layer& layer = r.times->layers[static_cast<std::size_t>(row)];
    QVERIFY(layer.forward > 0);
    const auto value = [&](int column) {
      return table.data(table.index(row, column), Qt::UserRole).toDouble();
    };
    QCOMPARE(value(TimeTable::Forward), layer.forward);
    QCOMPARE(value(TimeTable::Sums), layer.sums);
    QCOMPARE(value(TimeTable::Total), layer.total());
    shares += value(TimeTable::Share);
    const double of[] = {layer.forward, layer.backward, layer.norms, layer.sums};
    for (int p = 0; p < 4; ++p) passes[p] += of[p];
  }
  QVERIFY(std::abs(shares - 1) < 1e-12);
  // The layers are a part of their phase: no more than it, and not nothing.
  const Phase phases[] = {Phase::Forward, Phase::Backward, Phase::Norms, Phase::Clip};
  for (int p = 0; p < 4; ++p) {
    const double phase = r.seconds[static_cast<std::size_t>(phases[p])];
    QVERIFY2(passes[p] > 0 && passes[p] <= phase * (1 + 1e-9),
             qPrintable(QStringLiteral("%1: %2 of %3").arg(p).arg(passes[p]).arg(phase)));
  }
}

void TestTimePanel::phaseByPhase() {
  Bench bench(imageExperiment(), smallImages());
  bench.panel().setRecord(bench.trainer().record());
  QVERIFY(bench.emptyText().contains(QStringLiteral("Run a step")));
  for (const Phase phase : allPhases) {
    bench.advance(phase);
    QCOMPARE(bench.emptyText(), QString());
    const auto& rows = bench.panel().bars()->rows();
    QCOMPARE(rows.size(), std::size_t{phaseCount});
    for (const Phase other : allPhases) {
      const auto at = static_cast<std::size_t>(other);
      QCOMPARE(std::isnan(rows[at].second), other > phase);
      if (other <= phase) QCOMPARE(rows[at].second, 1e3 * bench.record().seconds[at]);
    }
    // Layers have the passes that ran, and keep them.
    QCOMPARE(bench.panel().table()->rowCount() > 0, phase >= Phase::Forward);
    if (phase < Phase::Forward) continue;
    const TimesPart::Layer& conv = bench.record().times->layers.front();
    QVERIFY(conv.forward > 0);
    QCOMPARE(conv.norms > 0, phase >= Phase::Norms);
    QCOMPARE(conv.sums > 0, phase >= Phase::Clip);
  }
}

void TestTimePanel::mediansAreOfTheStepsShown() {
  Bench bench(smallExperiment());
  const auto stepWith = [&](Index step, double seconds) {
    bench.trainer().finishStep();
    auto made = std::make_shared<StepRecord>(bench.record());
    made->step = step;
    made->seconds.fill(seconds);
    bench.panel().setRecord(made);
    QCoreApplication::processEvents();
  };
  const auto usual = [&] { return bench.panel().bars()->rows().front().first; };
  stepWith(1, 1e-3);
  QCOMPARE(usual(), 1.0);
  stepWith(2, 5e-3);
  stepWith(3, 3e-3);
  QCOMPARE(usual(), 3.0);
  stepWith(3, 9e-3);  // shown again: not another step
  QCOMPARE(usual(), 3.0);
  for (int k = 0; k < static_cast<int>(TimePanel::remembered); ++k) stepWith(4 + k, 7e-3);
  QCOMPARE(usual(), 7.0);
}

void TestTimePanel::csvIsThePicture() {
  Bench bench(smallExperiment());
  bench.advance(Phase::Account);
  const QStringList lines = bench.panel().csv().split('\n', Qt::SkipEmptyParts);
  QCOMPARE(lines.size(), 1 + phaseCount + 3);
  const QStringList sample = lines[1].split(',');
  QCOMPARE(sample.size(), lines[0].split(',').size());
  QCOMPARE(sample[0], QStringLiteral("phase"));
  QCOMPARE(sample[6].toDouble(), 1e3 * bench.record().seconds[0]);
  const QStringList layer = lines[1 + phaseCount].split(',');
  QCOMPARE(layer.size(), sample.size());
  QCOMPARE(layer[1], QStringLiteral("fc1"));
  QCOMPARE(layer[2].toDouble(), 1e3 * bench.record().times->layers[0].forward);
}

QTEST_MAIN(TestTimePanel)
#include "test_time_panel.moc"
