// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QTableView>
#include <QTableWidget>
#include <QTextDocument>
#include <cmath>

#include "tests/ui/window_test.h"
#include "ui/panels/example_panel.h"
#include "ui/panels/example_track.h"
#include "ui/panels/microscope_model.h"
#include "ui/panels/microscope_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/panel_header.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/window/help_window.h"
#include "ui/window/panel_docks.h"
#include "ui/window/step_tour.h"
#include "ui/window/words.h"

using namespace clipscope;
using namespace clipscope::test;

/// Examples over the run, the words of numbers, and the step told in pictures, in the real window.
class TestMicroscope : public WindowTest {
  Q_OBJECT

 private slots:
  void filtersAreUnderstood_data();
  void filtersAreUnderstood();
  void badFiltersAreSaid();
  void tableIsTheHistory();
  void ordersAndFilters();
  void classes();
  void selectionsHaveNames();
  void anExamplesEpsilon();
  void wordsHaveTheBatchsNumbers();
  void theStepInPictures();

 private:
  void stepTo(Index step) {
    while (record().step < step || record().completed != Phase::Account) {
      controller()->step();
      settle();
    }
  }
  MicroscopePanel* open(Index steps) {
    stepTo(steps);
    MicroscopePanel* panel = window()->microscope();
    window()->docks()->show(panel);
    panel->prepareForPicture();
    return panel;
  }
};

void TestMicroscope::filtersAreUnderstood_data() {
  QTest::addColumn<QString>("text");
  QTest::addColumn<bool>("passes");
  QTest::newRow("nothing") << "" << true;
  QTest::newRow("norm") << "norm > 5" << true;
  QTest::newRow("norm, equal") << "norm >= 6" << true;
  QTest::newRow("norm, not") << "norm>6" << false;
  QTest::newRow("loss") << "loss < 1e-1" << false;
  QTest::newRow("percent") << "clipped >= 75 %" << true;
  QTest::newRow("percent, not") << "clipped > 75%" << false;
  QTest::newRow("factor") << "factor <= 0.25" << true;
  QTest::newRow("draws") << "draws > 3" << true;
  QTest::newRow("class") << "class cat" << true;
  QTest::newRow("class number") << "class 2" << true;
  QTest::newRow("another class") << "class \"a dog\"" << false;
  QTest::newRow("number") << "17" << true;
  QTest::newRow("another number") << "#18" << false;
  QTest::newRow("all") << "class 2, norm > 5 and draws >= 4" << true;
  QTest::newRow("not all") << "class 2 norm > 5 draws > 4" << false;
}

void TestMicroscope::filtersAreUnderstood() {
  QFETCH(QString, text);
  QFETCH(bool, passes);
  ExampleStatistics s;
  s.example = 17;
  s.draws = 4;
  s.clipped = 3;
  s.largestNorm = 6;
  s.meanFactor = 0.25;
  s.lastLoss = 0.5;
  const auto filter = ExampleFilter::parse(text);
  QVERIFY(filter);
  QCOMPARE(filter->passes(s, 2, QStringLiteral("cat")), passes);
  // What is not known passes no comparison.
  if (text.startsWith(QStringLiteral("norm")) || text.startsWith(QStringLiteral("clipped")))
    QVERIFY(!filter->passes(ExampleStatistics{}, 2, QStringLiteral("cat")));
}

void TestMicroscope::badFiltersAreSaid() {
  for (const char* text : {"size > 3", "norm = 3", "norm > x", "class", "norm >", "3 cats"}) {
    QString problem;
    QVERIFY2(!ExampleFilter::parse(QString::fromLatin1(text), &problem), text);
    QVERIFY(problem.contains(QStringLiteral("is not understood")));
  }
  MicroscopePanel* panel = open(2);
  const std::size_t before = panel->model()->shown().size();
  panel->filter()->setText(QStringLiteral("size > 3"));
  QVERIFY(panel->problem()->isVisible());
  QCOMPARE(panel->model()->shown().size(), before);
  panel->filter()->clear();
  QVERIFY(!panel->problem()->isVisible());
}

void TestMicroscope::tableIsTheHistory() {
  MicroscopePanel* panel = open(6);
  const auto wanted =
      exampleStatistics(controller()->exampleHistory(), controller()->session()->data->size());
  const auto drawn = std::ranges::count_if(wanted, [](const auto& s) { return s.draws > 0; });
  QCOMPARE(static_cast<long>(panel->model()->shown().size()), drawn);
  const QAbstractItemModel* model = panel->table()->model();
  for (int row = 0; row < model->rowCount(); ++row) {
    const Index example = panel->model()->shown()[static_cast<std::size_t>(row)];
    const ExampleStatistics& s = wanted[static_cast<std::size_t>(example)];
    QCOMPARE(model->index(row, MicroscopeModel::Draws).data().toString(), grouped(s.draws));
    QCOMPARE(model->index(row, MicroscopeModel::LargestNorm).data().toString(),
             shortNumber(s.largestNorm, 3));
    QCOMPARE(model->index(row, MicroscopeModel::Clipped).data().toString(),
             percent(s.clippedShare()));
    // Individual ε, from the steps that drew it.
    QVERIFY(panel->model()->number(example, MicroscopeModel::Epsilon) > 0);
  }
  QCOMPARE(panel->csv().count('\n'), static_cast<int>(drawn) + 1);
  QVERIFY(panel->summary().endsWith(QStringLiteral("steps 1 to 6")));
}

void TestMicroscope::ordersAndFilters() {
  MicroscopePanel* panel = open(6);
  const auto number = [&](std::size_t row, int column) {
    return panel->model()->number(panel->model()->shown()[row], column);
  };
  const std::pair<MicroscopePanel::Order, int> orders[] = {
      {MicroscopePanel::Order::LargestNorm, MicroscopeModel::LargestNorm},
      {MicroscopePanel::Order::MostClipped, MicroscopeModel::Clipped},
      {MicroscopePanel::Order::LargestLoss, MicroscopeModel::Loss},
      {MicroscopePanel::Order::LargestEpsilon, MicroscopeModel::Epsilon},
      {MicroscopePanel::Order::MostDrawn, MicroscopeModel::Draws}};
  for (const auto& [order, column] : orders) {
    panel->setOrder(order);
    for (std::size_t row = 1; row < panel->model()->shown().size(); ++row)
      QVERIFY(number(row - 1, column) >= number(row, column));
  }
  panel->setOrder(MicroscopePanel::Order::NeverClipped);
  for (const Index example : panel->model()->shown())
    QCOMPARE(panel->model()->statistics(example).clipped, Index{0});
  panel->setOrder(MicroscopePanel::Order::LargestNorm);
  panel->filter()->setText(QStringLiteral("class 3, draws >= 2"));
  QVERIFY(!panel->model()->shown().empty());
  for (const Index example : panel->model()->shown()) {
    QCOMPARE(controller()->session()->data->label(example), 3);
    QVERIFY(panel->model()->statistics(example).draws >= 2);
  }
}

void TestMicroscope::classes() {
  MicroscopePanel* panel = open(6);
  panel->setView(MicroscopePanel::View::Classes);
  QCOMPARE(panel->classes()->rowCount(), 10);
  const auto wanted = classStatistics(controller()->exampleHistory(), panel->model()->labels(), 10);
  for (int row = 0; row < 10; ++row) {
    QCOMPARE(panel->classes()->item(row, 2)->text(),
             grouped(wanted[static_cast<std::size_t>(row)].draws));
    QCOMPARE(panel->classes()->item(row, 3)->text(),
             percent(wanted[static_cast<std::size_t>(row)].clippedShare));
  }
  // A class selects its examples everywhere.
  panel->classes()->selectRow(4);
  const auto& chosen = controller()->selection()->examples();
  QCOMPARE(static_cast<Index>(chosen.size()), wanted[4].examples);
  for (const Index example : chosen) QCOMPARE(controller()->session()->data->label(example), 4);
}

void TestMicroscope::selectionsHaveNames() {
  MicroscopePanel* panel = open(3);
  panel->table()->selectRow(0);
  const Index first = panel->model()->shown()[0], second = panel->model()->shown()[1];
  QCOMPARE(controller()->selection()->examples(), std::vector<Index>{first});
  controller()->selection()->add({second});
  QCOMPARE(panel->table()->selectionModel()->selectedRows().size(), 2);
  panel->keepSelection(QStringLiteral("odd ones"));
  QVERIFY(panel->csv().contains(QStringLiteral("odd ones")));
  // They are there in the next window with the same data.
  m_window = std::make_unique<MainWindow>();
  m_window->show();
  controller()->openExperiment(small());
  settle();
  const auto kept = window()->microscope()->selections().value(QStringLiteral("odd ones"));
  QCOMPARE(kept, (std::vector<Index>{std::min(first, second), std::max(first, second)}));
  window()->microscope()->forgetSelection(QStringLiteral("odd ones"));
  QVERIFY(window()->microscope()->selections().isEmpty());
  // With other data there are none.
  open(1);
  controller()->selection()->select(3);
  window()->microscope()->keepSelection(QStringLiteral("mine"));
  Experiment other = small();
  other.data.digits.seed = 99;
  controller()->openExperiment(other);
  settle();
  QVERIFY(window()->microscope()->selections().isEmpty());
}

void TestMicroscope::anExamplesEpsilon() {
  stepTo(5);
  const Index example = record().sample->examples[0];
  controller()->selection()->select(example);
  window()->docks()->show(window()->example());
  settle();
  const ExampleHistory& history = controller()->exampleHistory();
  const std::vector<std::shared_ptr<const StepDraws>> draws(history.steps().begin(),
                                                            history.steps().end());
  const auto wanted = individualEpsilonOver(example, controller()->history().summaries(), draws,
                                            controller()->experiment().privacy.delta);
  ExampleTrack* track = window()->example()->track();
  const auto drawn = history.drawsOf(example);
  // A cell of the microscope says what it is, with the numbers in it.
  MicroscopeModel* model = window()->microscope()->model();
  window()->docks()->show(window()->microscope());
  QTRY_VERIFY(model->rowCount() > 0);
  for (int row = 0; row < model->rowCount(); ++row) {
    const auto tip = model->index(row, MicroscopeModel::Clipped).data(Qt::ToolTipRole).toString();
    const auto draws = model->index(row, MicroscopeModel::Draws).data().toString();
    const auto share = model->index(row, MicroscopeModel::Clipped).data().toString();
    QVERIFY2(tip.contains(QStringLiteral(" / %1 = %2").arg(draws, share)), qPrintable(tip));
  }
  window()->docks()->show(window()->example());
  QCOMPARE(track->factorPlot()->graph(0)->data()->size(), static_cast<int>(drawn.size()));
  for (std::size_t k = 0; k < drawn.size(); ++k) {
    const QCPGraphData& point = *track->factorPlot()->graph(0)->data()->at(static_cast<int>(k));
    QCOMPARE(point.key, static_cast<double>(drawn[k].step));
    QCOMPARE(point.value, drawn[k].factor);
  }
  QTRY_COMPARE(track->epsilonPlot()->graph(1)->data()->size(), static_cast<int>(wanted.size()));
  QCOMPARE(track->epsilonPlot()->graph(1)->data()->at(0)->value, wanted.front().estimate);
  QCOMPARE(track->epsilonPlot()->graph(0)->data()->at(0)->value, wanted.front().bound);
}

void TestMicroscope::wordsHaveTheBatchsNumbers() {
  stepTo(2);
  const StepRecord& r = record();
  const auto noise = wordsOf(QStringLiteral("noise"), r);
  QCOMPARE(noise.size(), std::size_t{2});
  QVERIFY(noise[1].values.contains(shortNumber(r.clip->signal / r.noise->expected, 4)));
  Index clipped = 0;
  for (const double n : r.norms->global) clipped += n > 3;
  QVERIFY(wordsOf(QStringLiteral("norms"), r)[1].values.startsWith(
      QStringLiteral("%1 / %2").arg(clipped).arg(r.batchSize())));
  // The head of a panel says them, with formula and source, when the mouse rests on it.
  const QString tip = window()->norms()->header()->tip();
  QVERIFY(tip.contains(QStringLiteral("arXiv:1607.00133")));
  QVERIFY(tip.contains(shortNumber(r.norms->q50, 4)));
  // Before their phase there is a formula, and no number.
  controller()->advanceTo(Phase::Sample);
  settle();
  for (const Word& word : wordsOf(QStringLiteral("clip_factors"), record())) {
    QVERIFY(!word.formula.isEmpty());
    QVERIFY(word.values.isEmpty());
  }
}

void TestMicroscope::theStepInPictures() {
  stepTo(2);
  controller()->advanceTo(Phase::Clip);
  settle();
  const auto pages = stepTour(record());
  QCOMPARE(pages.size(), std::size_t{phaseCount});
  for (const TourPage& page : pages) {
    QVERIFY(!page.told.isEmpty());
    QCOMPARE(page.result.isEmpty(), page.phase > Phase::Clip);
    QCOMPARE(page.formula.isEmpty(), page.phase > Phase::Clip);
  }
  QVERIFY(pages[3].formula.contains(shortNumber(record().norms->max, 4)));
  QVERIFY(!batchPicture(record(), *controller()->session()->data, 500).isNull());
  for (QAction* action : window()->findChildren<QAction*>())
    if (action->shortcut() == QKeySequence(Qt::Key_F1)) action->trigger();
  auto* help = window()->findChild<HelpWindow*>();
  QVERIFY(help && help->isVisible());
  const QString text = help->document()->toPlainText();
  QVERIFY(text.contains(QStringLiteral("Step 3, phase by phase")));
  QVERIFY(text.contains(QStringLiteral("Not done yet")));
  QVERIFY(text.contains(QStringLiteral("F5")));
  // A picture each of the phases that have been: batch, losses, gradient, norms, factors.
  for (int k = 0; k < 5; ++k) {
    const QVariant picture = help->document()->resource(QTextDocument::ImageResource,
                                                        QUrl(QStringLiteral("picture:%1").arg(k)));
    QVERIFY(!picture.value<QImage>().isNull());
  }
}

QTEST_MAIN(TestMicroscope)
#include "test_microscope.moc"
