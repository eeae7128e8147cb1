// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QElapsedTimer>
#include <QLabel>
#include <QMenuBar>
#include <QPushButton>
#include <QSlider>
#include <QTest>
#include <map>

#include "tests/support/same_record.h"
#include "tests/ui/window_test.h"
#include "ui/panels/norms_panel.h"
#include "ui/plots/plot.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"
#include "ui/window/phase_rail.h"
#include "ui/window/run_to_popup.h"

using namespace clipscope;
using namespace clipscope::test;

/// The window's ways through a run's past, by button, key and menu: what it shows is what a Trainer
/// that never looked back computed, to the bit.
class TestPast : public WindowTest {
  Q_OBJECT

 private:
  /// The same run, straight: every phase of its first steps.
  std::string differenceFromStraight();
  static Experiment evaluated();
  QAction* action(const QString& text);
  void key(Qt::Key key, Qt::KeyboardModifiers modifiers = Qt::NoModifier);
  void openEvaluated();
  QString title() { return window()->rail()->stepTitle()->text(); }

  std::map<std::pair<Index, Phase>, std::shared_ptr<const StepRecord>> m_straight;
  std::unique_ptr<Trainer> m_trainer;

 private slots:
  void stepsBackByButtonKeyAndMenu();
  void phasesBackByButtonKeyAndChip();
  void beforeTheFirstStep();
  void arrowsWalkThroughKnownSteps();
  void keysYieldToFields();
  void backWhileRunning();
  void changeInThePast();
  void settingsShownAreThoseOfTheStep();
  void everyStepIsInTheHistory();
  void jumpsFasterThanTheyAreMade();
  void runsToAStep();
  void runsToAnEpsilonAndALoss();
  void runsToAPhase();
  void speedOfRun();
  void fitsTheSmallestWindow();
};

Experiment TestPast::evaluated() {
  Experiment e = small();
  e.run.evaluateEvery = 2;
  e.optimizer.momentum = 0.9;
  return e;
}

void TestPast::openEvaluated() {
  m_straight.clear();
  m_trainer.reset();
  controller()->openExperiment(evaluated());
  settle();
}

std::string TestPast::differenceFromStraight() {
  if (!m_trainer) m_trainer = std::make_unique<Trainer>(evaluated(), loadDataset(evaluated().data));
  while (m_trainer->stepsDone() < record().step) {
    for (const Phase phase : allPhases) {
      const auto r = m_trainer->advanceTo(phase);
      m_straight[{r->step, phase}] = m_trainer->evaluationDue() ? m_trainer->evaluate() : r;
    }
  }
  return differenceOf(record(), *m_straight.at({record().step, *record().completed}));
}

QAction* TestPast::action(const QString& text) {
  for (QAction* action : window()->findChildren<QAction*>())
    if (action->text() == text) return action;
  qFatal("no action %s", qPrintable(text));
}

void TestPast::key(Qt::Key key, Qt::KeyboardModifiers modifiers) {
  window()->norms()->plot()->setFocus();
  QTest::keyClick(window()->norms()->plot(), key, modifiers);
  settle();
}

void TestPast::stepsBackByButtonKeyAndMenu() {
  openEvaluated();
  for (int k = 0; k < 6; ++k) key(Qt::Key_N);
  QCOMPARE(record().step, Index{6});
  QCOMPARE(differenceFromStraight(), std::string());
  QVERIFY(record().evaluation);
  QCOMPARE(title(), "step 6");

  QTest::mouseClick(window()->rail()->stepBackButton(), Qt::LeftButton);
  settle();
  QCOMPARE(record().step, Index{5});
  QVERIFY(record().completed == Phase::Account);
  QCOMPARE(differenceFromStraight(), std::string());
  QCOMPARE(title(), "step 5 of 6");
  key(Qt::Key_N, Qt::ShiftModifier);
  QCOMPARE(record().step, Index{4});
  QVERIFY(record().evaluation);
  QCOMPARE(differenceFromStraight(), std::string());
  action("Step back")->trigger();
  settle();
  QCOMPARE(record().step, Index{3});
  QCOMPARE(differenceFromStraight(), std::string());
  // From the middle of a step: to the end of the step before.
  key(Qt::Key_Space);
  key(Qt::Key_Space);
  QCOMPARE(record().step, Index{4});
  QVERIFY(record().completed == Phase::Forward);
  QCOMPARE(differenceFromStraight(), std::string());
  key(Qt::Key_N, Qt::ShiftModifier);
  QCOMPARE(record().step, Index{3});
  // Forward again through what is known, and beyond.
  for (Index step = 4; step <= 8; ++step) {
    key(Qt::Key_N);
    QCOMPARE(record().step, step);
    QCOMPARE(differenceFromStraight(), std::string());
  }
  QCOMPARE(title(), "step 8");
  QVERIFY(!window()->messages()->isVisible());
}

void TestPast::phasesBackByButtonKeyAndChip() {
  openEvaluated();
  key(Qt::Key_N);
  key(Qt::Key_N);
  QTest::mouseClick(window()->rail()->phaseBackButton(), Qt::LeftButton);
  settle();
  QVERIFY(record().step == 2 && record().completed == Phase::Update);
  QCOMPARE(differenceFromStraight(), std::string());
  key(Qt::Key_Space, Qt::ShiftModifier);
  QVERIFY(record().step == 2 && record().completed == Phase::Noise);
  QCOMPARE(differenceFromStraight(), std::string());
  action("Previous phase")->trigger();
  settle();
  QVERIFY(record().step == 2 && record().completed == Phase::Clip);
  QCOMPARE(differenceFromStraight(), std::string());
  // Chips: an earlier one goes back, a later one on, within the step.
  for (const Phase phase :
       {Phase::Forward, Phase::Noise, Phase::Sample, Phase::Account, Phase::Norms, Phase::Norms}) {
    QTest::mouseClick(window()->rail()->chip(phase), Qt::LeftButton);
    settle();
    QCOMPARE(record().step, Index{2});
    QVERIFY(record().completed == phase);
    QCOMPARE(differenceFromStraight(), std::string());
  }
  // From Sample to the end of the step before.
  QTest::mouseClick(window()->rail()->chip(Phase::Sample), Qt::LeftButton);
  settle();
  key(Qt::Key_Space, Qt::ShiftModifier);
  QVERIFY(record().step == 1 && record().completed == Phase::Account);
  QCOMPARE(differenceFromStraight(), std::string());
}

void TestPast::beforeTheFirstStep() {
  openEvaluated();
  QVERIFY(window()->rail()->stepBackButton()->isEnabled());
  key(Qt::Key_N, Qt::ShiftModifier);
  QCOMPARE(record().step, Index{0});
  QVERIFY(!record().completed);
  QCOMPARE(title(), "step 0 of 1");
  QVERIFY(!window()->rail()->stepBackButton()->isEnabled());
  QVERIFY(!window()->rail()->phaseBackButton()->isEnabled());
  QVERIFY(!action("Step back")->isEnabled());
  key(Qt::Key_N, Qt::ShiftModifier);
  key(Qt::Key_Left, Qt::AltModifier);
  QCOMPARE(record().step, Index{0});
  for (const Phase phase : allPhases) {
    key(Qt::Key_Space);
    QVERIFY(record().step == 1 && record().completed == phase);
    QCOMPARE(differenceFromStraight(), std::string());
  }
}

void TestPast::arrowsWalkThroughKnownSteps() {
  openEvaluated();
  for (int k = 0; k < 4; ++k) key(Qt::Key_N);
  QTest::mouseClick(window()->rail()->chip(Phase::Clip), Qt::LeftButton);
  settle();
  // The phase that one looks at stays.
  for (const Index step : {3, 2, 1}) {
    key(Qt::Key_Left, Qt::AltModifier);
    QVERIFY(record().step == step && record().completed == Phase::Clip);
    QCOMPARE(differenceFromStraight(), std::string());
  }
  QVERIFY(!action("Step before, at this phase")->isEnabled());
  for (const Index step : {2, 3, 4}) {
    key(Qt::Key_Right, Qt::AltModifier);
    QVERIFY(record().step == step && record().completed == Phase::Clip);
  }
  // Not beyond what is known.
  QVERIFY(!action("Known step after, at this phase")->isEnabled());
  key(Qt::Key_Right, Qt::AltModifier);
  QVERIFY(record().step == 4 && record().completed == Phase::Clip);
}

void TestPast::keysYieldToFields() {
  NumberEdit* field = window()->dock()->maxGradNorm();
  field->setFocus();
  QTest::keyClick(field, Qt::Key_Space, Qt::ShiftModifier);
  QTest::keyClick(field, Qt::Key_N, Qt::ShiftModifier);
  settle();
  QVERIFY(record().completed == Phase::Clip && record().step == 1);
}

void TestPast::backWhileRunning() {
  openEvaluated();
  window()->norms()->plot()->setFocus();
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 5, 60000);
  QVERIFY(controller()->isRunning());
  QTest::keyClick(window()->norms()->plot(), Qt::Key_N, Qt::ShiftModifier);
  settle();
  QVERIFY(!controller()->isRunning());
  QVERIFY(controller()->position().step < controller()->position().knownSteps ||
          record().completed == Phase::Account);
  QCOMPARE(differenceFromStraight(), std::string());
  // And from there it runs on through the known into the new.
  const Index known = controller()->position().knownSteps;
  controller()->goTo(2, Phase::Noise);
  settle();
  QCOMPARE(differenceFromStraight(), std::string());
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= known + 3, 60000);
  controller()->pause();
  settle();
  // A pause may have cut an evaluation short; coming there again makes up for it.
  controller()->goTo(record().step, *record().completed);
  settle();
  QCOMPARE(differenceFromStraight(), std::string());
  QCOMPARE(controller()->history().steps(),
           record().has(Phase::Account) ? record().step : record().step - 1);
}

void TestPast::changeInThePast() {
  openEvaluated();
  for (int k = 0; k < 6; ++k) controller()->step();
  settle();
  QCOMPARE(controller()->history().steps(), Index{6});
  controller()->goTo(3, Phase::Account);
  settle();
  type(window()->dock()->maxGradNorm(), "0.5");
  settle();
  // The change waits; what is known stays until a step is taken.
  QCOMPARE(title(), "step 3 of 6");
  QCOMPARE(controller()->history().steps(), Index{6});
  controller()->step();
  settle();
  QCOMPARE(title(), "step 4");
  QCOMPARE(record().clip->maxGradNorm, 0.5);
  QCOMPARE(controller()->history().steps(), Index{4});
  QCOMPARE(controller()->history().at(4).maxGradNorm, 0.5);
  QCOMPARE(controller()->exampleHistory().lastStep(), Index{4});
  // A Trainer that was told so at the same place.
  Trainer trainer(evaluated(), loadDataset(evaluated().data));
  for (int k = 0; k < 3; ++k) trainer.finishStep();
  Experiment e = evaluated();
  e.clipping.maxGradNorm = 0.5;
  trainer.apply(e);
  trainer.finishStep();
  QCOMPARE(differenceOf(record(), *trainer.evaluate()), std::string());
}

void TestPast::settingsShownAreThoseOfTheStep() {
  openEvaluated();
  controller()->step();
  settle();
  type(window()->dock()->maxGradNorm(), "0.5");
  for (int k = 0; k < 3; ++k) controller()->step();
  settle();
  QCOMPARE(window()->dock()->maxGradNorm()->text(), "0.5");
  window()->norms()->plot()->setFocus();
  controller()->goTo(1, Phase::Clip);
  settle();
  QCOMPARE(window()->dock()->maxGradNorm()->text(), "0.5");  // of step 2, which comes next
  key(Qt::Key_N, Qt::ShiftModifier);
  QCOMPARE(window()->dock()->maxGradNorm()->text(), "3");
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 3.0);
  // Undo and redo stand where these settings were.
  QVERIFY(!controller()->changes().canUndo());
  QVERIFY(controller()->changes().redoText().contains("max_grad_norm 3.0 → 0.5"));
  controller()->goTo(3, Phase::Account);
  settle();
  QCOMPARE(window()->dock()->maxGradNorm()->text(), "0.5");
  QVERIFY(controller()->changes().undoText().contains("max_grad_norm 0.5 → 3.0"));
  QVERIFY(!controller()->changes().canRedo());
  // Going on through the known changes nothing.
  controller()->step();
  settle();
  QCOMPARE(controller()->history().steps(), Index{4});
  QCOMPARE(record().clip->maxGradNorm, 0.5);
}

void TestPast::everyStepIsInTheHistory() {
  openEvaluated();
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 40, 60000);
  controller()->pause();
  settle();
  const RunHistory& history = controller()->history();
  QVERIFY(history.steps() >= 39);
  Trainer trainer(evaluated(), loadDataset(evaluated().data));
  for (Index step = 1; step <= history.steps(); ++step) {
    auto r = trainer.finishStep();
    if (trainer.evaluationDue()) r = trainer.evaluate();
    const StepSummary wanted = summaryOf(*r);
    const StepSummary& got = history.at(step);
    QVERIFY(sameBits(got.loss, wanted.loss) && sameBits(got.q95, wanted.q95));
    QVERIFY(sameBits(got.epsilon, wanted.epsilon) && sameBits(got.updateNorm, wanted.updateNorm));
    // The pause may have cut the last evaluation short.
    if (step < history.steps()) QVERIFY(sameBits(got.testAccuracy, wanted.testAccuracy));
    if (step != 17) continue;
    const Index example = r->sample->examples.front();
    const auto draws = controller()->exampleHistory().drawsOf(example);
    const auto draw = std::ranges::find(draws, Index{17}, &ExampleDraw::step);
    QVERIFY(draw != draws.end() && draw->normBefore == r->norms->global.front());
  }
  QCOMPARE(controller()->exampleHistory().lastStep(), history.steps());
}

void TestPast::jumpsFasterThanTheyAreMade() {
  openEvaluated();
  for (int k = 0; k < 30; ++k) controller()->step();
  settle();
  int shown = 0;
  const auto counting = connect(controller(), &Controller::recordChanged, this, [&] { ++shown; });
  for (Index step = 29; step >= 4; --step) controller()->goTo(step, Phase::Norms);
  settle();
  disconnect(counting);
  // The newest wins, and those between were left out.
  QVERIFY(record().step == 4 && record().completed == Phase::Norms);
  QVERIFY(shown < 20);
  QCOMPARE(differenceFromStraight(), std::string());
  QVERIFY(!controller()->isReplaying());
}

void TestPast::runsToAStep() {
  openEvaluated();
  RunToPopup* popup = window()->rail()->runToPopup();
  QTest::mouseClick(window()->rail()->runToButton(), Qt::LeftButton);
  QVERIFY(popup->isVisible());
  QCOMPARE(popup->stepField()->text(), "101");
  type(popup->stepField(), "7");
  QVERIFY(!popup->isVisible());
  settle();
  QVERIFY(record().step == 7 && record().completed == Phase::Account);
  QVERIFY(!controller()->isRunning());
  QCOMPARE(differenceFromStraight(), std::string());
  // Known steps are gone to, back and forth.
  // The offscreen platform leaves the popup active.
  QApplication::setActiveWindow(window());
  key(Qt::Key_G, Qt::ControlModifier);
  QVERIFY(popup->isVisible());
  popup->stepField()->selectAll();
  QTest::keyClicks(popup->stepField(), "3");
  QTest::mouseClick(popup->goButton(0), Qt::LeftButton);
  settle();
  QVERIFY(record().step == 3 && record().completed == Phase::Account);
  QCOMPARE(title(), "step 3 of 7");
  QCOMPARE(differenceFromStraight(), std::string());
  // What is no step starts nothing.
  window()->rail()->askRunTo();
  for (const char* text : {"0", "-3", "2.5", "x", ""}) {
    type(popup->stepField(), text);
    QVERIFY(popup->isVisible());
    QVERIFY(popup->stepField()->property("invalid").toBool());
  }
  popup->hide();
  settle();
  QCOMPARE(record().step, Index{3});
}

void TestPast::runsToAnEpsilonAndALoss() {
  openEvaluated();
  Trainer trainer(evaluated(), loadDataset(evaluated().data));
  std::vector<double> epsilons{0}, losses{0};
  for (int step = 1; step <= 30; ++step) {
    const auto r = trainer.finishStep();
    epsilons.push_back(r->account->epsilon);
    losses.push_back(r->forward->meanLoss);
  }
  RunToPopup* popup = window()->rail()->runToPopup();
  window()->rail()->askRunTo();
  type(popup->epsilonField(), QString::number((epsilons[11] + epsilons[12]) / 2, 'g', 12));
  settle();
  QVERIFY(record().step == 12 && record().completed == Phase::Account);
  // It is so already: nothing runs, and the window says why.
  window()->rail()->askRunTo();
  type(popup->epsilonField(), "0.001");
  settle();
  QCOMPARE(record().step, Index{12});
  QVERIFY(window()->messages()->text().contains("already"));
  // The loss: the first step from here below the smallest of the next ten but a little.
  const auto smallest = std::min_element(losses.begin() + 13, losses.begin() + 30);
  const Index at = smallest - losses.begin();
  if (losses[12] > *smallest * 1.0000001) {
    window()->rail()->askRunTo();
    type(popup->lossField(), QString::number(*smallest * 1.0000001, 'g', 12));
    settle();
    QCOMPARE(record().step, at);
  }
  QCOMPARE(differenceFromStraight(), std::string());
}

void TestPast::runsToAPhase() {
  openEvaluated();
  RunToPopup* popup = window()->rail()->runToPopup();
  for (const Phase phase : {Phase::Update, Phase::Norms}) {
    window()->rail()->askRunTo();
    popup->phaseChoice()->setCurrentIndex(static_cast<int>(phase));
    QTest::mouseClick(popup->goButton(3), Qt::LeftButton);
    settle();
    QVERIFY(record().step == 1 && record().completed == phase);
    QCOMPARE(differenceFromStraight(), std::string());
  }
}

void TestPast::speedOfRun() {
  QSlider* slider = window()->rail()->speedSlider();
  QCOMPARE(slider->value(), slider->maximum());
  QCOMPARE(PhaseRail::stepsPerSecond(0), 1.0);
  QCOMPARE(PhaseRail::stepsPerSecond(50), std::pow(10.0, 1.5));
  QCOMPARE(PhaseRail::stepsPerSecond(100), 0.0);
  // By hand: to the slow end, and a bit up with the keys.
  slider->setFocus();
  QTest::keyClick(slider, Qt::Key_Home);
  for (int k = 0; k < 4; ++k) QTest::keyClick(slider, Qt::Key_PageUp);
  QCOMPARE(slider->value(), 40);
  const double speed = PhaseRail::stepsPerSecond(40);  // 15.8 steps a second
  QElapsedTimer timer;
  timer.start();
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 9, 60000);
  // Step n begins no sooner than n − 1 times the pace; a lower bound does not hang on the load.
  QVERIFY(static_cast<double>(timer.elapsed()) / 1000 >=
          static_cast<double>(record().step - 2) / speed);
  // A step a second, and the pause does not wait for it.
  QTest::keyClick(slider, Qt::Key_Home);
  controller()->pause();
  settle();
  const Index stopped = record().step;
  QTest::qWait(100);
  QCOMPARE(record().step, stopped);
  // The record on the screen is the newest although the last one was held back.
  QCOMPARE(controller()->history().steps(), record().has(Phase::Account) ? stopped : stopped - 1);
  slider->setValue(100);
  controller()->runOrPause();
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= stopped + 20, 60000);
  controller()->pause();
  settle();
}

void TestPast::fitsTheSmallestWindow() {
  for (int k = 0; k < 12; ++k) controller()->step();
  settle();
  controller()->goTo(9, Phase::Clip);
  settle();
  QCOMPARE(window()->width(), 1280);
  PhaseRail* rail = window()->rail();
  QVERIFY(rail->width() <= 1280);
  for (QWidget* widget : rail->findChildren<QWidget*>()) {
    if (!widget->isVisible() || widget->isWindow()) continue;
    QVERIFY(widget->mapTo(window(), QPoint(widget->width(), 0)).x() <= 1280);
    if (const auto* button = qobject_cast<QPushButton*>(widget))
      QVERIFY2(button->width() >= button->fontMetrics().horizontalAdvance(button->text()) + 8,
               qPrintable(button->text()));
  }
  for (const Phase phase : allPhases) {
    PhaseChip* chip = rail->chip(phase);
    QFont bold = chip->font();
    bold.setBold(true);
    QVERIFY2(chip->width() >= QFontMetrics(bold).horizontalAdvance(chip->text()) + 4,
             qPrintable(chip->text()));
  }
}

QTEST_MAIN(TestPast)
#include "test_past.moc"
