// SPDX-License-Identifier: GPL-3.0-or-later
#include <QLabel>
#include <QMenu>
#include <QSignalSpy>
#include <QTest>
#include <algorithm>
#include <random>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "tests/ui/window_test.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/history_plot.h"
#include "ui/panels/norms_panel.h"
#include "ui/plots/number_format.h"
#include "ui/window/panel_docks.h"
#include "ui/window/phase_rail.h"

using namespace clipscope;
using namespace clipscope::test;

/// The curves of a run: what is drawn is what the history holds, and a step picked in them is gone
/// to.
class TestHistoryPanel : public WindowTest {
  Q_OBJECT

 private:
  HistoryPanel* panel() { return window()->history(); }
  HistoryPlot* plot(const char* id) { return panel()->plot(QString::fromLatin1(id)); }
  void showPanel();
  void train(int steps);
  QPoint pixelOf(HistoryPlot* plot, double step);

 private slots:
  void extremesAreThoseOfAllValues();
  void fewStepsAreDrawnAsTheyAre();
  void manyStepsKeepTheirExtremes();
  void logarithmsAndWhatHasNone();
  void emptyBeforeTheFirstStep();
  void clicksDragsAndKeysGoToSteps();
  void stepsAreLinked();
  void plotsAreChosen();
  void stepsWhoseEpsilonIsNotValid();
  void tableIsTheHistory();
  void hoverNamesTheNumbers();
  void aNewFutureReplacesTheOld();
};

void TestHistoryPanel::showPanel() {
  window()->docks()->show(panel());
  QTRY_VERIFY(panel()->isVisible());
  QTest::qWait(50);
}

void TestHistoryPanel::train(int steps) {
  for (int k = 0; k < steps; ++k) controller()->step();
  settle();
  QTest::qWait(20);
}

QPoint TestHistoryPanel::pixelOf(HistoryPlot* plot, double step) {
  return {static_cast<int>(std::lround(plot->xAxis->coordToPixel(step))),
          plot->axisRect()->center().y()};
}

void TestHistoryPanel::extremesAreThoseOfAllValues() {
  std::mt19937 random(4);
  std::vector<double> values;
  MinMaxLevels levels;
  const auto value = [&](std::size_t i) { return values[i]; };
  for (int round = 0; round < 60; ++round) {
    for (std::size_t k = random() % 400; k > 0; --k) {
      const unsigned kind = random() % 20;
      values.push_back(kind == 0   ? std::numeric_limits<double>::quiet_NaN()
                       : kind == 1 ? std::numeric_limits<double>::infinity()
                                   : static_cast<double>(random() % 100000) - 50000);
    }
    levels.extend(values.size(), value);
    QVERIFY(levels.size() <= values.size() && values.size() - levels.size() < 16);
    for (int look = 0; look < 30; ++look) {
      const std::size_t a = random() % (values.size() + 1), b = random() % (values.size() + 1);
      const auto [from, to] = std::minmax(a, b);
      MinMax wanted;
      for (std::size_t i = from; i < to; ++i) wanted.add(values[i]);
      const MinMax found = levels.over(from, to, value);
      QCOMPARE(found.isEmpty(), wanted.isEmpty());
      if (wanted.isEmpty()) continue;
      QCOMPARE(found.low, wanted.low);
      QCOMPARE(found.high, wanted.high);
    }
  }
  QVERIFY(values.size() > 5000);  // three levels
}

namespace {

/// A run of `count` steps that never was.
RunHistory madeUp(Index count) {
  RunHistory history;
  std::mt19937 random(8);
  for (Index step = 1; step <= count; ++step) {
    StepSummary s;
    s.step = step;
    const double noise = static_cast<double>(random() % 1000) / 1000;
    s.loss = step % 97 == 0 ? notANumber : 2.5 / (1 + 1e-4 * static_cast<double>(step)) + noise;
    s.epsilon = 0.01 * std::sqrt(static_cast<double>(step));
    s.q05 = 0.1 + noise;
    s.q25 = 0.4 + noise;
    s.q50 = 1 + noise;
    s.q75 = 2 + 3 * noise;
    s.q95 = 9 + 7 * noise;
    s.maxGradNorm = 1;
    if (step % 10 == 0) s.testAccuracy = 0.5 + 0.4 * noise;
    history.append(s);
  }
  return history;
}

const HistoryChart& chartOf(const char* id) {
  for (const HistoryChart& chart : historyCharts())
    if (chart.id == QLatin1String(id)) return chart;
  qFatal("no chart %s", id);
}

}  // namespace

void TestHistoryPanel::fewStepsAreDrawnAsTheyAre() {
  const RunHistory history = madeUp(200);
  HistoryPlot loss(chartOf("loss")), accuracy(chartOf("accuracy"));
  for (HistoryPlot* plot : {&loss, &accuracy}) {
    plot->resize(300, 150);
    plot->setHistory(&history);
    plot->showSteps(0, 200);
  }
  QVector<QPointF> wanted;
  for (const StepSummary& s : history.summaries())
    if (std::isfinite(s.loss)) wanted.append({static_cast<double>(s.step), s.loss});
  QCOMPARE(wanted.size(), 198);
  QCOMPARE(loss.drawn(0), wanted);
  QVERIFY(loss.drawn(1).isEmpty());  // no test loss
  QCOMPARE(accuracy.drawn(0).size(), 20);
  QCOMPARE(accuracy.drawn(0)[3], QPointF(40, history.at(40).testAccuracy));
  // A part of the steps: those, and the neighbours that lines run to.
  loss.showSteps(50, 60);
  QVERIFY(loss.drawn(0).first().x() < 50 && loss.drawn(0).last().x() > 60);
  QVERIFY(loss.drawn(0).size() <= 15);
}

void TestHistoryPanel::manyStepsKeepTheirExtremes() {
  const Index count = 50000;
  const RunHistory history = madeUp(count);
  HistoryPlot loss(chartOf("loss")), norms(chartOf("norms"));
  for (HistoryPlot* plot : {&loss, &norms}) {
    plot->resize(300, 150);
    plot->setHistory(&history);
  }
  norms.setLogarithmic(false);
  for (const auto& [from, to] : {std::pair{0.0, 50000.0}, std::pair{12345.0, 33333.0}}) {
    loss.showSteps(from, to);
    norms.showSteps(from, to);
    const auto points = loss.drawn(0);
    QVERIFY(points.size() <= 2 * loss.width() + 8);
    QVERIFY(points.size() >= loss.width() / 2);
    // Every value lies between the extremes drawn for its stretch, and these are values.
    QMap<double, MinMax> columns;
    for (const QPointF& point : points) columns[point.x()].add(point.y());
    const double width = columns.keys()[2] - columns.keys()[1];
    QVERIFY(width > 1);
    std::map<double, MinMax> wanted;
    for (const StepSummary& s : history.summaries()) {
      const auto index = static_cast<double>(s.step - 1);
      const double begin = std::floor(index / width) * width;
      const double end = std::min(begin + width, static_cast<double>(count));
      wanted[(begin + end + 1) / 2].add(s.loss);
    }
    for (auto column = columns.begin(); column != columns.end(); ++column) {
      QVERIFY(wanted.contains(column.key()));
      QCOMPARE(column->low, wanted[column.key()].low);
      QCOMPARE(column->high, wanted[column.key()].high);
    }
    // A band keeps to the outside: its lower edge the smallest, its upper the largest.
    const auto lower = norms.drawn(0), upper = norms.drawn(1);
    QCOMPARE(lower.size(), upper.size());
    for (qsizetype k = 0; k + 1 < lower.size(); ++k) {
      MinMax low, high;
      const double half = width / 2;
      for (Index step = static_cast<Index>(std::ceil(lower[k].x() - half));
           step <= std::min(count, static_cast<Index>(std::floor(lower[k].x() + half - 1e-9)));
           ++step) {
        low.add(history.at(std::max<Index>(1, step)).q05);
        high.add(history.at(std::max<Index>(1, step)).q95);
      }
      QVERIFY(lower[k].y() <= low.low && upper[k].y() >= high.high);
    }
  }
}

void TestHistoryPanel::logarithmsAndWhatHasNone() {
  RunHistory history;
  for (Index step = 1; step <= 4; ++step) {
    StepSummary s;
    s.step = step;
    s.loss = step == 2 ? 0.0 : std::pow(10.0, static_cast<double>(step));
    s.epsilon = std::numeric_limits<double>::infinity();
    history.append(s);
  }
  HistoryPlot loss(chartOf("loss")), epsilon(chartOf("epsilon"));
  for (HistoryPlot* plot : {&loss, &epsilon}) {
    plot->resize(300, 150);
    plot->setHistory(&history);
    plot->showSteps(0, 5);
  }
  QCOMPARE(loss.drawn(0).size(), 4);
  loss.setLogarithmic(true);
  QCOMPARE(loss.drawn(0), (QVector<QPointF>{{1, 1}, {3, 3}, {4, 4}}));  // a 0 has no logarithm
  QVERIFY(loss.yAxis->range().contains(1) && loss.yAxis->range().contains(4));
  QVERIFY(loss.yAxis->range().size() < 4);
  // An ε that is infinite is said, not drawn.
  QVERIFY(epsilon.drawn(0).isEmpty());
  bool said = false;
  for (int k = 0; k < epsilon.itemCount(); ++k)
    if (const auto* text = qobject_cast<QCPItemText*>(epsilon.item(k)))
      said = said || text->text().contains(QStringLiteral("∞"));
  QVERIFY(said);
}

void TestHistoryPanel::emptyBeforeTheFirstStep() {
  showPanel();
  const auto saysWhatWouldFillIt = [&] {
    for (const QLabel* label : panel()->findChildren<QLabel*>())
      if (label->isVisible() && label->text().contains("not done yet")) return true;
    return false;
  };
  QVERIFY(saysWhatWouldFillIt());
  train(1);
  QVERIFY(!saysWhatWouldFillIt());
  QVERIFY(plot("loss")->isVisible());
  QCOMPARE(plot("loss")->drawn(0).size(), 1);
  controller()->reset();
  settle();
  QTRY_VERIFY(saysWhatWouldFillIt());
}

void TestHistoryPanel::clicksDragsAndKeysGoToSteps() {
  showPanel();
  train(12);
  HistoryPlot* loss = plot("loss");
  QCOMPARE(loss->step(), Index{12});
  QTest::mouseClick(loss, Qt::LeftButton, {}, pixelOf(loss, 5));
  settle();
  QVERIFY(record().step == 5 && record().completed == Phase::Account);
  for (const HistoryPlot* each : panel()->plots())
    if (each->isVisible()) QCOMPARE(each->step(), Index{5});
  QVERIFY(panel()->summary().startsWith("step 5 of 12"));
  // The cursor is dragged; beside it a drag pans and goes nowhere.
  QTest::mousePress(loss, Qt::LeftButton, {}, pixelOf(loss, 5));
  for (const double step : {5.5, 6.0, 7.0, 8.0}) {
    QTest::mouseMove(loss, pixelOf(loss, step));
    QTest::qWait(5);
  }
  QTest::mouseRelease(loss, Qt::LeftButton, {}, pixelOf(loss, 8));
  settle();
  QCOMPARE(record().step, Index{8});
  QCOMPARE(loss->step(), Index{8});
  loss->setFocus();
  QTest::keyClick(loss, Qt::Key_Left);
  settle();
  QCOMPARE(record().step, Index{7});
  QTest::keyClick(loss, Qt::Key_Right);
  settle();
  QCOMPARE(record().step, Index{8});
  QTest::keyClick(loss, Qt::Key_PageUp);
  settle();
  QCOMPARE(record().step, Index{1});
  QTest::keyClick(loss, Qt::Key_End);
  settle();
  QCOMPARE(record().step, Index{12});
  QVERIFY(!controller()->position().isPast());
  // With Shift the keys select steps, from the cursor on, and go nowhere.
  const auto span = [this] { return controller()->selection()->steps(); };
  using Span = std::pair<Index, Index>;
  QTest::keyClick(loss, Qt::Key_Left, Qt::ShiftModifier);
  QVERIFY(span() == (Span{11, 12}));
  QTest::keyClick(loss, Qt::Key_PageUp, Qt::ShiftModifier);
  QVERIFY(span() == (Span{1, 12}));
  QTest::keyClick(loss, Qt::Key_Right, Qt::ShiftModifier);
  QVERIFY(span() == (Span{2, 12}));
  QTest::keyClick(loss, Qt::Key_End, Qt::ShiftModifier);
  QVERIFY(span() == (Span{12, 12}));
  QTest::keyClick(loss, Qt::Key_Home, Qt::ShiftModifier);
  QVERIFY(span() == (Span{1, 12}));
  QCOMPARE(record().step, Index{12});
  // What was selected otherwise goes on at its last step.
  controller()->selection()->selectSteps(3, 6);
  QTest::keyClick(loss, Qt::Key_Right, Qt::ShiftModifier);
  QVERIFY(span() == (Span{3, 7}));
  controller()->selection()->clearSteps();
  QTest::keyClick(loss, Qt::Key_Left, Qt::ShiftModifier);
  QVERIFY(span() == (Span{11, 12}));
  controller()->selection()->clearSteps();
  // While it runs, a click pauses it and goes there.
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 20, 60000);
  QTest::mouseClick(loss, Qt::LeftButton, {}, pixelOf(loss, 3));
  settle();
  QVERIFY(!controller()->isRunning());
  QVERIFY(record().step <= 6 && record().step >= 1);  // a pixel is more than one step by now
}

void TestHistoryPanel::stepsAreLinked() {
  showPanel();
  train(20);
  HistoryPlot *loss = plot("loss"), *epsilon = plot("epsilon");
  const QCPRange all = loss->xAxis->range();
  QVERIFY(all.contains(1) && all.contains(20));
  QCOMPARE(epsilon->xAxis->range(), all);
  const QPoint at = pixelOf(loss, 10);
  QWheelEvent wheel(at, loss->mapToGlobal(at), {}, {0, 480}, Qt::NoButton, {}, Qt::NoScrollPhase,
                    false);
  QApplication::sendEvent(loss, &wheel);
  QVERIFY(loss->xAxis->range().size() < 0.6 * all.size());
  QCOMPARE(epsilon->xAxis->range(), loss->xAxis->range());
  // Dragging pans all of them, and asks for no step.
  const Index before = record().step;
  const QCPRange zoomed = loss->xAxis->range();
  QTest::mousePress(loss, Qt::LeftButton, {}, at);
  QTest::mouseMove(loss, at + QPoint(15, 0));
  QTest::mouseMove(loss, at + QPoint(30, 0));
  QTest::mouseRelease(loss, Qt::LeftButton, {}, at + QPoint(30, 0));
  QVERIFY(loss->xAxis->range().lower < zoomed.lower);
  QCOMPARE(epsilon->xAxis->range(), loss->xAxis->range());
  settle();
  QCOMPARE(record().step, before);
  // A plot chosen now shows the same steps; new steps do not move them.
  panel()->setShown("snr", true);
  QCOMPARE(plot("snr")->xAxis->range(), loss->xAxis->range());
  const QCPRange kept = loss->xAxis->range();
  train(2);
  QCOMPARE(loss->xAxis->range(), kept);
  QTest::keyClick(epsilon, Qt::Key_Home);
  QVERIFY(loss->xAxis->range().contains(1) && loss->xAxis->range().contains(22));
  train(3);
  QVERIFY(loss->xAxis->range().contains(25));
}

void TestHistoryPanel::plotsAreChosen() {
  showPanel();
  train(3);
  QCOMPARE(panel()->shown(), (QStringList{"loss", "accuracy", "epsilon", "norms"}));
  QMenu menu;
  panel()->fillMenu(menu);
  const auto entry = [&](const QString& sub, const QString& text) -> QAction* {
    for (QAction* outer : menu.actions())
      if (outer->menu() && outer->text() == sub)
        for (QAction* inner : outer->menu()->actions())
          if (inner->text() == text) return inner;
    return nullptr;
  };
  QVERIFY(entry("Show", "clipped fraction"));
  QVERIFY(!plot("clipped")->isVisible());
  entry("Show", "clipped fraction")->trigger();
  QVERIFY(plot("clipped")->isVisible());
  QCOMPARE(plot("clipped")->drawn(0).size(), 3);
  entry("Show", "loss")->trigger();
  QVERIFY(!plot("loss")->isVisible());
  QVERIFY(!plot("epsilon")->isLogarithmic());
  entry("Logarithmic", "ε so far")->trigger();
  QVERIFY(plot("epsilon")->isLogarithmic());
  QVERIFY(!entry("Logarithmic", "clipped fraction"));
  // A choice is remembered.
  HistoryPanel another(controller()->selection());
  QCOMPARE(another.shown(), panel()->shown());
  QVERIFY(another.plot("epsilon")->isLogarithmic());
  // All at once, at the smallest size: nothing overlaps and nothing has no room.
  for (const HistoryChart& chart : historyCharts()) another.setShown(chart.id, true);
  another.setHistory(&controller()->history());
  another.setRecord(controller()->record());
  another.resize(420, 300);
  another.show();
  QTest::qWait(50);
  for (const HistoryPlot* a : another.plots()) {
    QVERIFY(a->isVisible() && a->width() >= 110 && a->height() >= 50);
    for (const HistoryPlot* b : another.plots())
      QVERIFY(a == b || !a->geometry().intersects(b->geometry()));
  }
  for (const HistoryChart& chart : historyCharts()) another.setShown(chart.id, false);
  bool said = false;
  for (const QLabel* label : another.findChildren<QLabel*>())
    said = said || (label->isVisible() && label->text().contains("No plot"));
  QVERIFY(said);
}

void TestHistoryPanel::stepsWhoseEpsilonIsNotValid() {
  showPanel();
  HistoryPlot* epsilon = plot("epsilon");
  const auto marked = [&] {
    std::vector<double> steps;
    for (const QCPGraphData& d : *epsilon->graph(1)->data())
      if (std::isfinite(d.value)) steps.push_back(d.key);
    return steps;
  };
  train(2);
  QCOMPARE(marked(), std::vector<double>());
  QVERIFY(!panel()->summary().contains("not valid"));
  // A count over the size of the batch that was drawn is private, and ε holds no more.
  const auto counted = [&](bool own) {
    Experiment e = controller()->experiment();
    e.clipping.adaptive.enabled = own;
    e.clipping.adaptive.denominator = CountDenominator::Batch;
    controller()->edit(e);
    settle();
  };
  counted(true);
  train(3);
  std::vector<double> wanted;
  for (const StepSummary& s : controller()->history().summaries())
    if (!std::isnan(s.epsilonNotValid)) {
      QCOMPARE(s.epsilonNotValid, s.epsilon);
      wanted.push_back(static_cast<double>(s.step));
    }
  QVERIFY(wanted.size() >= 2 && wanted.front() > 2);
  QCOMPARE(marked(), wanted);
  QVERIFY(panel()->summary().contains("(not valid)"));
  const StepSummary last = controller()->history().at(controller()->history().steps());
  QVERIFY(!record().account->isValid() == !std::isnan(last.epsilonNotValid));
}

void TestHistoryPanel::tableIsTheHistory() {
  train(11);
  controller()->goTo(4, Phase::Clip);  // the table holds all steps wherever one stands
  settle();
  const Folder folder;
  QVERIFY(panel()->exportTo(QString::fromStdString((folder / "h.csv").string())));
  const CsvTable csv = readCsv(folder / "h.csv", CsvHeader::Present);
  const RunHistory& history = controller()->history();
  QCOMPARE(csv.rows.size(), std::size_t{11});
  const auto cell = [&](std::size_t row, const char* name) {
    const auto at = std::ranges::find(csv.header, name);
    if (at == csv.header.end()) qFatal("no column %s", name);
    const std::string& text = csv.rows[row][static_cast<std::size_t>(at - csv.header.begin())];
    return text.empty() ? notANumber : std::strtod(text.c_str(), nullptr);
  };
  const std::pair<const char*, double StepSummary::*> columns[] = {
      {"expected_batch_size", &StepSummary::expectedBatchSize},
      {"loss", &StepSummary::loss},
      {"test_loss", &StepSummary::testLoss},
      {"test_accuracy", &StepSummary::testAccuracy},
      {"epsilon", &StepSummary::epsilon},
      {"clipped_fraction", &StepSummary::clippedFraction},
      {"max_grad_norm", &StepSummary::maxGradNorm},
      {"suggested_max_grad_norm", &StepSummary::suggestedThreshold},
      {"signal", &StepSummary::signal},
      {"noise_expected", &StepSummary::noise},
      {"noise_realised", &StepSummary::noiseRealised},
      {"snr", &StepSummary::snr},
      {"snr_realised", &StepSummary::snrRealised},
      {"retained_norm", &StepSummary::retainedNorm},
      {"bias_ratio", &StepSummary::biasRatio},
      {"bias_cosine", &StepSummary::biasCosine},
      {"norm_q05", &StepSummary::q05},
      {"norm_q25", &StepSummary::q25},
      {"norm_q50", &StepSummary::q50},
      {"norm_q75", &StepSummary::q75},
      {"norm_q95", &StepSummary::q95},
      {"norm_max", &StepSummary::max},
      {"learning_rate", &StepSummary::learningRate},
      {"update_norm", &StepSummary::updateNorm}};
  QCOMPARE(csv.header.size(), std::size(columns) + 2);
  for (std::size_t row = 0; row < csv.rows.size(); ++row) {
    const StepSummary& s = history.at(static_cast<Index>(row) + 1);
    QCOMPARE(static_cast<Index>(cell(row, "step")), s.step);
    QCOMPARE(static_cast<Index>(cell(row, "batch_size")), s.batchSize);
    for (const auto& [name, member] : columns) {
      const double got = cell(row, name);
      QVERIFY2(got == s.*member || (std::isnan(got) && std::isnan(s.*member)), name);
    }
  }
  QVERIFY(std::isfinite(cell(9, "test_accuracy")) && std::isnan(cell(8, "test_accuracy")));
}

void TestHistoryPanel::hoverNamesTheNumbers() {
  showPanel();
  train(10);
  HistoryPlot* loss = plot("loss");
  QTest::mouseMove(loss, pixelOf(loss, 10));
  const QString text = loss->hoverText(10.2);
  const StepSummary& s = controller()->history().at(10);
  QVERIFY(text.contains("step 10"));
  QVERIFY(text.contains("batch  " + QString::number(s.loss, 'f', 3).left(4)));
  QVERIFY(text.contains("test  " + QString::number(s.testLoss, 'f', 3).left(4)));
  QVERIFY(plot("accuracy")->hoverText(9).contains(QStringLiteral("–")));
  QVERIFY(plot("norms")->hoverText(3).contains("median"));
  QVERIFY(loss->hoverText(0.2).isEmpty() && loss->hoverText(11).isEmpty());
  // Each with its formula, and the numbers of the step in it.
  const auto shown = [](double value) { return shortNumber(value, 4); };
  const std::pair<const char*, QString> words[] = {
      {"loss", QStringLiteral("%1, b = %2").arg(shown(s.loss)).arg(s.batchSize)},
      {"accuracy", percent(s.testAccuracy)},
      {"epsilon", QStringLiteral("%1; this step added σ = %2, q = %3")
                      .arg(shown(s.epsilon), shown(s.sigma), shown(s.sampleRate))},
      {"clipped", QStringLiteral("%1 / %2 = %3")
                      .arg(std::llround(s.clippedFraction * static_cast<double>(s.batchSize)))
                      .arg(s.batchSize)
                      .arg(percent(s.clippedFraction))},
      {"threshold", QStringLiteral("C = %1, suggested %2")
                        .arg(shown(s.maxGradNorm), shown(s.suggestedThreshold))},
      {"snr", QStringLiteral("%1 / %2 = %3").arg(shown(s.signal), shown(s.noise), shown(s.snr))},
      {"norms", QStringLiteral("median %1").arg(shown(s.q50))}};
  QCOMPARE(std::size(words), panel()->plots().size());
  for (const auto& [chart, text] : words)
    QVERIFY2(plot(chart)->hoverText(10).contains(text),
             qPrintable(plot(chart)->hoverText(10) + QStringLiteral(" ≠ ") + text));
}

void TestHistoryPanel::aNewFutureReplacesTheOld() {
  showPanel();
  train(8);
  const auto before = plot("norms")->drawn(5);  // C
  QCOMPARE(before.size(), 8);
  controller()->goTo(5, Phase::Account);
  settle();
  QCOMPARE(plot("norms")->drawn(5).size(), 8);
  Experiment e = controller()->experiment();
  e.clipping.maxGradNorm = 0.3;
  controller()->edit(e);
  train(1);
  const auto after = plot("norms")->drawn(5);
  QCOMPARE(after.size(), 6);
  QCOMPARE(after[4], before[4]);
  QCOMPARE(after[5].y(), std::log10(0.3));
  QCOMPARE(plot("loss")->step(), Index{6});
}

QTEST_MAIN(TestHistoryPanel)
#include "test_history_panel.moc"
