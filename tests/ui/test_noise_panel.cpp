// SPDX-License-Identifier: GPL-3.0-or-later
#include <QScrollBar>
#include <QToolButton>
#include <QtTest>
#include <cmath>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "tests/ui/panel_bench.h"
#include "ui/panels/noise_bars.h"
#include "ui/panels/noise_check.h"
#include "ui/panels/noise_normal.h"
#include "ui/panels/noise_panel.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"

using namespace clipscope;
using namespace clipscope::test;

using Bench = PanelBench<NoisePanel>;

/// Signal and noise as the record has them and as the formulas say, in every phase and without
/// noise.
class TestNoisePanel : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }
  void tableFollowsTheFormulas();
  void phaseByPhase();
  void silenceIsHandled();
  void verdicts();
  void pictureChoiceByWidth();
  void manyTensorsScroll();
  void csvIsTheTable();
  void emptyBatchStillHasNoise();
};

void TestNoisePanel::tableFollowsTheFormulas() {
  for (const GroupingKind grouping :
       {GroupingKind::Flat, GroupingKind::PerLayer, GroupingKind::PerParameter})
    for (const NoiseAllocation allocation :
         {NoiseAllocation::Global, NoiseAllocation::EqualBudget, NoiseAllocation::LeastPower}) {
      Experiment e = smallExperiment();
      e.clipping.grouping = grouping;
      e.clipping.maxGradNorm = 0.7;
      e.noise.noiseMultiplier = 1.3;
      e.noise.allocation = allocation;
      Bench bench(e);
      bench.advance(Phase::Noise);
      const StepRecord& r = bench.record();
      const NoiseTable& table = bench.panel().table();
      QCOMPARE(table.rows.size(), std::size_t{5});
      const double K = static_cast<double>(r.clip->groups.size());
      double budget = 0, weighted = 0;
      const auto dimensionOf = [&](const GroupResult& group) {
        double d = 0;
        for (const Index t : group.tensors)
          d += static_cast<double>(r.info->sizes[static_cast<std::size_t>(t)]);
        return d;
      };
      for (const GroupResult& group : r.clip->groups)
        weighted += group.threshold * std::sqrt(dimensionOf(group));
      for (std::size_t t = 0; t < 4; ++t) {
        const NoiseTable::Row& row = table.rows[t + 1];
        const GroupResult& group = r.clip->groups[static_cast<std::size_t>(r.clip->groupOf[t])];
        const double c = group.threshold;
        const double s = allocation == NoiseAllocation::Global ? 1.3 * 0.7
                         : allocation == NoiseAllocation::EqualBudget
                             ? 1.3 * std::sqrt(K) * c
                             : 1.3 * std::sqrt(c / std::sqrt(dimensionOf(group)) * weighted);
        QVERIFY(std::abs(row.std - s) <= 1e-12 * s);
        QVERIFY(std::abs(row.expected - s * std::sqrt(static_cast<double>(r.info->sizes[t]))) <=
                1e-12 * row.expected);
        QCOMPARE(row.realised, r.noise->tensorRealised[t]);
        QCOMPARE(row.signal, r.clip->tensorSignal[t]);
        QVERIFY(std::abs(row.snr - row.signal / row.expected) <= 1e-15);
        QCOMPARE(row.std, r.noise->tensorStd[t]);
      }
      for (const GroupResult& group : r.clip->groups)
        budget += std::pow(group.threshold / group.noiseStd, 2);
      QVERIFY(std::abs(1 / std::sqrt(budget) - 1.3) < 1e-9);
      QVERIFY(std::abs(table.rows[0].expected - r.noise->expected) <= 1e-12 * r.noise->expected);
      QVERIFY(std::abs(table.rows[0].snr - r.noise->snr) <= 1e-12 * r.noise->snr);
      QCOMPARE(table.grouped, grouping != GroupingKind::Flat);
    }
}

void TestNoisePanel::phaseByPhase() {
  Bench bench(smallExperiment());
  bench.advance(Phase::Norms);
  QVERIFY(bench.emptyText().contains("Run to Noise"));
  bench.advance(Phase::Clip);
  QVERIFY(bench.emptyText().isEmpty());
  QVERIFY(bench.panel().summary().contains("not drawn yet"));
  QVERIFY(std::isnan(bench.panel().table().rows[0].realised));
  // The expected noise stands there already, as marks.
  QCOMPARE(bench.panel().bars()->plot()->graph(0)->dataCount(), 5);
  QVERIFY(bench.panel().normal()->plot()->isHidden());
  const double expected = bench.panel().table().rows[0].expected;
  bench.advance(Phase::Noise);
  QCOMPARE(bench.panel().table().rows[0].expected, expected);
  QVERIFY(bench.panel().table().rows[0].realised > 0);
  // The bars are there to be seen: pixels of both colours.
  const QImage picture = bench.panel().bars()->plot()->grab().toImage();
  int signal = 0, noise = 0;
  for (int y = 0; y < picture.height(); ++y)
    for (int x = 0; x < picture.width(); ++x) {
      signal += picture.pixelColor(x, y) == Theme::current().after;
      noise += picture.pixelColor(x, y) == Theme::current().threshold;
    }
  QVERIFY(signal > 200 && noise > 200);
  QVERIFY(!bench.panel().normal()->plot()->isHidden());
  QVERIFY(bench.panel().normal()->verdict().contains("p ="));
  QVERIFY(bench.panel().summary().contains("SNR"));
}

void TestNoisePanel::silenceIsHandled() {
  Experiment e = smallExperiment();
  e.noise.noiseMultiplier = 0;
  Bench bench(e);
  bench.advance(Phase::Noise);
  QVERIFY(bench.panel().table().silent);
  QVERIFY(bench.panel().summary().contains("no noise"));
  QVERIFY(std::isinf(bench.panel().table().rows[0].snr));
  QVERIFY(bench.panel().bars()->rightText(0).contains("∞"));
  QCOMPARE(bench.panel().bars()->plot()->graph(0)->dataCount(), 0);
  QVERIFY(bench.panel().check()->multiplier().kind == NoiseCheck::Verdict::Kind::Alarm);
  QVERIFY(bench.panel().check()->multiplier().text.contains("ε is ∞"));
}

void TestNoisePanel::verdicts() {
  using Kind = NoiseCheck::Verdict::Kind;
  Experiment e = smallExperiment();
  e.clipping.maxGradNorm = 0.3;
  Bench bench(e);
  bench.advance(Phase::Clip);
  const NoiseCheck* check = bench.panel().check();
  QVERIFY(check->contribution().kind == Kind::Good);
  QVERIFY(check->contribution().text.startsWith("✓"));
  QVERIFY(check->multiplier().kind == Kind::Plain);
  bench.advance(Phase::Update);
  QVERIFY(check->multiplier().kind == Kind::Good);
  const StepRecord& r = bench.record();
  const double felt = r.update->learningRate * r.noise->std / r.sample->expectedBatchSize;
  QVERIFY(std::abs(check->update().text.toDouble() - felt) < 0.01 * felt);
  // Each says its formula, with these numbers, under the mouse.
  const auto number = [](double value) { return shortNumber(value, 5); };
  const int line = check->height() / (check->width() >= 620 ? 2 : 3);
  const auto tip = [&](int k) {
    return check->width() >= 620
               ? check->tipAt(
                     {k == 0 ? 5 : check->width() / 2 + (k - 1) * check->width() / 4 + 5, 5})
               : check->tipAt({5, k * line + 5});
  };
  QVERIFY2(tip(0).contains(number(r.clip->worstContribution)) &&
               tip(0).contains(QStringLiteral("Δ = ") + number(r.clip->sensitivity)),
           qPrintable(tip(0)));
  QVERIFY2(tip(1).contains(QStringLiteral("(%1/%2)²").arg(number(0.3), number(r.noise->std))) &&
               tip(1).contains(number(r.noise->effectiveSigma)),
           qPrintable(tip(1)));
  QVERIFY2(tip(2).contains(QStringLiteral("%1 · %2 / %3 = %4")
                               .arg(number(r.update->learningRate), number(r.noise->std),
                                    number(r.sample->expectedBatchSize), number(felt))),
           qPrintable(tip(2)));
  QVERIFY(check->tipAt({-5, -5}).isEmpty());
  // Nothing clipped: unbounded, and an effective σ of 0 where 1.1 was asked for.
  e.clipping.strategy = "none";
  Bench open(e);
  open.advance(Phase::Noise);
  QVERIFY(open.panel().check()->contribution().kind == Kind::Alarm);
  QVERIFY(open.panel().check()->contribution().text.contains("unbounded"));
  QVERIFY(open.panel().check()->multiplier().kind == Kind::Alarm);
  QVERIFY(open.panel().check()->multiplier().text.contains("≠"));
  // A contribution beyond the sensitivity, which no correct step has.
  auto wrong = std::make_shared<StepRecord>(r);
  auto clip = std::make_shared<ClipPart>(*r.clip);
  clip->worstContribution = 2 * clip->sensitivity;
  clip->sensitivityExceeded = true;
  wrong->clip = clip;
  bench.panel().setRecord(wrong);
  QVERIFY(check->contribution().kind == Kind::Alarm);
  QVERIFY(check->contribution().text.contains("above C"));
}

void TestNoisePanel::pictureChoiceByWidth() {
  Bench bench(smallExperiment(), smallData(), {420, 300});
  bench.advance(Phase::Noise);
  QVERIFY(bench.panel().bars()->isVisible() && !bench.panel().normal()->isVisible());
  QTest::mouseClick(bench.panel().normalButton(), Qt::LeftButton);
  QVERIFY(!bench.panel().bars()->isVisible() && bench.panel().normal()->isVisible());
  QTest::mouseClick(bench.panel().tensorButton(), Qt::LeftButton);
  QVERIFY(bench.panel().bars()->isVisible());
  bench.panel().resize(700, 450);
  QTRY_VERIFY(bench.panel().bars()->isVisible() && bench.panel().normal()->isVisible());
  QVERIFY(!bench.panel().normalButton()->isVisible());
}

void TestNoisePanel::manyTensorsScroll() {
  Experiment e = smallExperiment();
  e.model.spec = nlohmann::json::parse(R"({"layers": []})");
  for (int k = 0; k < 29; ++k)
    e.model.spec["layers"].push_back(
        {{"type", "linear"}, {"name", "hidden" + std::to_string(k)}, {"out", 8}});
  e.model.spec["layers"].push_back({{"type", "linear"}, {"name", "last"}, {"out", 3}});
  Bench bench(e, smallData(), {420, 300});
  bench.advance(Phase::Noise);
  QCOMPARE(bench.panel().table().rows.size(), std::size_t{61});
  QScrollBar* scroll = bench.panel().bars()->scrollBar();
  QVERIFY(scroll->isVisible());
  const QCPRange before = bench.panel().bars()->plot()->yAxis->range();
  QVERIFY(before.contains(0) && !before.contains(-60));
  scroll->setValue(scroll->maximum());
  const QCPRange after = bench.panel().bars()->plot()->yAxis->range();
  QVERIFY(after.contains(-60) && !after.contains(0));
  // The figures at the right go with the rows.
  QVERIFY(bench.panel().bars()->plot()->yAxis2->range() == after);
  Bench few(smallExperiment());
  few.advance(Phase::Noise);
  QVERIFY(!few.panel().bars()->scrollBar()->isVisible());
}

void TestNoisePanel::csvIsTheTable() {
  Bench bench(smallExperiment());
  bench.advance(Phase::Noise);
  const Folder folder;
  const CsvTable csv =
      readCsv(folder.write("n.csv", bench.panel().csv().toStdString()), CsvHeader::Present);
  QCOMPARE(csv.rows.size(), std::size_t{5});
  QCOMPARE(csv.rows[0][0], std::string("total"));
  for (std::size_t k = 0; k < 5; ++k) {
    const NoiseTable::Row& row = bench.panel().table().rows[k];
    QCOMPARE(std::strtod(csv.rows[k][3].c_str(), nullptr), row.signal);
    QCOMPARE(std::strtod(csv.rows[k][5].c_str(), nullptr), row.expected);
    QCOMPARE(std::strtod(csv.rows[k][6].c_str(), nullptr), row.realised);
  }
}

void TestNoisePanel::emptyBatchStillHasNoise() {
  Experiment e = smallExperiment();
  e.sampling.sampleRate = 1e-9;
  Bench bench(e);
  bench.advance(Phase::Noise);
  QVERIFY(bench.emptyText().isEmpty());
  QCOMPARE(bench.panel().table().rows[0].signal, 0.0);
  QVERIFY(bench.panel().table().rows[0].realised > 0);
  QVERIFY(bench.panel().check()->contribution().text.contains("no example"));
}

QTEST_MAIN(TestNoisePanel)
#include "test_noise_panel.moc"
