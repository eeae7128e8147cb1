// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QLabel>
#include <QPushButton>
#include <QTemporaryDir>
#include <QToolButton>
#include <QTreeWidget>

#include "engine/recording/recording_reader.h"
#include "tests/ui/window_test.h"
#include "ui/panels/branches_panel.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/history_plot.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/privacy_panel.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"
#include "ui/window/phase_rail.h"
#include "ui/window/start_page.h"

using namespace clipscope;
using namespace clipscope::test;

/// Recordings and branches in the real window.
class TestRecordingWindow : public WindowTest {
  Q_OBJECT

 private slots:
  void aChangeInThePastIsABranch();
  void branchesAreNamedAndPruned();
  void unnamedRunsAreKept();
  void savedUnderAName();
  void secondWindowFollows();
  void aLostFileStopsTheRun();
  void withoutItsDataItIsLookedAt();
  void startPageOffersWhatThereIs();
  void oldRunsAreThinned();
  void secureRunsAreLookedAt();

 private:
  void record(const QTemporaryDir& folder) {
    window()->keepRunsIn(folder.path());
    controller()->openExperiment(small());
    settle();
  }
  void goTo(Index step) {
    controller()->goTo(step, Phase::Account);
    settle();
  }
  void runTo(Index step) {
    while (controller()->position().knownSteps < step || record().completed != Phase::Account ||
           record().step < step) {
      controller()->step();
      settle();
    }
  }
  const StepRecord& record() { return WindowTest::record(); }
  void changeThreshold(double c) {
    Experiment changed = controller()->experiment();
    changed.clipping.maxGradNorm = c;
    controller()->edit(changed);
    settle();
  }
  void makeBranch() {
    runTo(8);
    goTo(3);
    changeThreshold(0.5);
    controller()->step();
    settle();
    controller()->step();
    settle();
  }
  QTreeWidget* tree() { return window()->branches()->tree(); }
};

void TestRecordingWindow::aChangeInThePastIsABranch() {
  makeBranch();
  QCOMPARE(controller()->position().branch, 1);
  QCOMPARE(controller()->position().knownSteps, Index{5});
  QCOMPARE(controller()->history().steps(), Index{5});
  QCOMPARE(controller()->history().at(4).maxGradNorm, 0.5);
  QCOMPARE(tree()->topLevelItemCount(), 1);
  QCOMPARE(tree()->topLevelItem(0)->childCount(), 1);
  const QTreeWidgetItem* branch = tree()->topLevelItem(0)->child(0);
  window()->docks()->show(window()->branches());
  QCOMPARE(branch->text(BranchesPanel::Change), QStringLiteral("max_grad_norm 3.0 → 0.5"));
  QTRY_COMPARE(tree()->topLevelItem(0)->child(0)->text(BranchesPanel::Steps),
               QStringLiteral("4–5"));
  // The branch that was left is drawn behind the one shown, from where they part.
  window()->docks()->show(window()->history());
  const HistoryPlot* loss = window()->history()->plot(QStringLiteral("loss"));
  QTRY_COMPARE(loss->overlay().graphs().size(), std::size_t{1});
  const auto data = loss->overlay().graphs().front()->data();
  QTRY_COMPARE(data->size(), 5);
  const BranchLine& left = (*controller()->branches())[0];
  int at = 0;
  for (const QCPGraphData& point : *data) {
    const auto step = static_cast<std::size_t>(4 + at++);
    QCOMPARE(point.key, static_cast<double>(step));
    QCOMPARE(point.value, left.own[step - 1].loss);
  }
  // And it can be gone back to.
  emit window()->branches()->chosen(0);
  settle();
  QCOMPARE(controller()->position().branch, 0);
  QCOMPARE(controller()->position().step, Index{8});
  QCOMPARE(controller()->history().steps(), Index{8});
  QCOMPARE(controller()->history().at(4).maxGradNorm, 3.0);
  QCOMPARE(record().step, Index{8});
}

void TestRecordingWindow::branchesAreNamedAndPruned() {
  makeBranch();
  window()->docks()->show(window()->branches());
  tree()->topLevelItem(0)->child(0)->setText(BranchesPanel::Name, QStringLiteral("low C"));
  settle();
  QCOMPARE((*controller()->branches())[1].name, std::string("low C"));
  QVERIFY(window()->branches()->csv().contains(QStringLiteral("\n1,0,low C,3,5,")));
  // The run is on it.
  controller()->pruneBranch(1);
  settle();
  QVERIFY(window()->messages()->isError());
  QCOMPARE(controller()->branches()->size(), std::size_t{2});
  controller()->goToBranch(0);
  settle();
  tree()->setCurrentItem(tree()->topLevelItem(0)->child(0));
  emit window()->branches()->pruneRequested(1, QStringLiteral("low C"));
  QVERIFY(window()->messages()->text().contains(QStringLiteral("low C")));
  QCOMPARE(controller()->branches()->size(), std::size_t{2});
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->branches()->size(), std::size_t{1});
  QCOMPARE(tree()->topLevelItem(0)->childCount(), 0);
}

void TestRecordingWindow::unnamedRunsAreKept() {
  QTemporaryDir folder;
  record(folder);
  runTo(6);
  QTRY_COMPARE(window()->saved()->text(), QStringLiteral("saved through step 6"));
  const double loss = record().forward->meanLoss;
  QVERIFY(recoveredRuns(folder.path()).empty());  // it is open
  m_window.reset();
  const auto runs = recoveredRuns(folder.path());
  QCOMPARE(runs.size(), std::size_t{1});
  QVERIFY(!runs[0].crashed);
  QVERIFY(runs[0].text.contains(QStringLiteral("6 steps")));

  m_window = std::make_unique<MainWindow>();
  m_window->keepRunsIn(folder.path());
  controller()->openFirst(runs[0].path);
  settle();
  QCOMPARE(controller()->position().step, Index{6});
  QCOMPARE(record().forward->meanLoss, loss);
  QVERIFY(!controller()->isReadOnly());
  QCOMPARE(controller()->history().steps(), Index{6});
  QVERIFY(!controller()->recording().isNamed);
  controller()->step();
  settle();
  QCOMPARE(record().step, Index{7});
  controller()->stepBack();
  settle();
  QCOMPARE(record().step, Index{6});
  // A run of which no step was done is not worth keeping.
  controller()->openExperiment(small());
  settle();
  m_window.reset();
  QCOMPARE(recoveredRuns(folder.path()).size(), std::size_t{1});
  QCOMPARE(QDir(folder.path()).entryList(QDir::Files).size(), 1);
}

void TestRecordingWindow::savedUnderAName() {
  QTemporaryDir folder, place;
  record(folder);
  runTo(4);
  const QString path = place.filePath(QStringLiteral("mine.clipscope"));
  controller()->saveRecordingAs(path);
  settle();
  QVERIFY(!window()->messages()->isError());
  QVERIFY(window()->windowTitle().startsWith(QStringLiteral("mine.clipscope")));
  QVERIFY(QDir(folder.path()).entryList(QDir::Files).isEmpty());
  runTo(6);
  QTRY_COMPARE(window()->saved()->text(), QStringLiteral("saved through step 6"));
  controller()->saveRecordingAs(path);  // exists
  settle();
  QVERIFY(window()->messages()->isError());
  m_window.reset();
  const RecordingReader recording(path.toStdString());
  QCOMPARE(recording.tree().at(0).steps, Index{6});
  QCOMPARE(QDir(place.path()).entryList(QDir::Files),
           QStringList{QStringLiteral("mine.clipscope")});
}

void TestRecordingWindow::secondWindowFollows() {
  QTemporaryDir folder;
  record(folder);
  runTo(3);
  QTRY_COMPARE(window()->saved()->text(), QStringLiteral("saved through step 3"));
  MainWindow second;
  second.resize(1280, 800);
  second.show();
  Controller* viewer = second.controller();
  viewer->openFirst(QString::fromStdString(controller()->recording().path.string()));
  QTRY_VERIFY(!viewer->isBusy() && viewer->record());
  QVERIFY(viewer->isReadOnly());
  QCOMPARE(viewer->record()->step, Index{3});
  QVERIFY(second.windowTitle().contains(QStringLiteral("(read-only)")));
  QCOMPARE(second.saved()->text(), QStringLiteral("read-only, following"));
  QVERIFY(!second.rail()->runButton()->isEnabled());
  QVERIFY(second.rail()->stepBackButton()->isEnabled());
  viewer->runOrPause();
  viewer->reset();
  QTRY_VERIFY(!viewer->isBusy());
  QCOMPARE(viewer->record()->step, Index{3});

  // What the first window does is seen. How soon depends on what else the machine does.
  runTo(5);
  QTRY_COMPARE_WITH_TIMEOUT(viewer->record()->step, Index{5}, 60'000);
  QCOMPARE(viewer->history().steps(), Index{5});
  // In the past it stays, and walks through what is known.
  viewer->goTo(2, Phase::Account);
  QTRY_COMPARE(viewer->record()->step, Index{2});
  runTo(6);
  QTRY_COMPARE(viewer->history().steps(), Index{6});
  QCOMPARE(viewer->record()->step, Index{2});
  viewer->step();
  QTRY_COMPARE(viewer->record()->step, Index{3});
  viewer->stepBack();
  QTRY_COMPARE(viewer->record()->step, Index{2});
  m_window.reset();
  QTRY_COMPARE(second.saved()->text(), QStringLiteral("read-only"));
}

void TestRecordingWindow::aLostFileStopsTheRun() {
  QTemporaryDir folder, place;
  record(folder);
  runTo(2);
  QTRY_COMPARE(window()->saved()->text(), QStringLiteral("saved through step 2"));
  QVERIFY(QFile::remove(QString::fromStdString(controller()->recording().path.string())));
  controller()->runOrPause();
  QTRY_VERIFY(controller()->recording().hasFailed);
  settle();
  QVERIFY(!controller()->isRunning());
  const Index at = record().step;
  QCOMPARE(record().completed, std::optional(Phase::Account));
  QVERIFY(window()->messages()->text().contains(QStringLiteral("The run has stopped")));
  QVERIFY(window()->saved()->text().startsWith(QStringLiteral("not saved after step")));
  controller()->step();  // not before it is told what to do
  settle();
  QCOMPARE(record().step, at);
  const QString path = place.filePath(QStringLiteral("rescued.clipscope"));
  controller()->saveRecordingAs(path);
  settle();
  runTo(at + 2);
  QTRY_COMPARE(window()->saved()->text(), QStringLiteral("saved through step %1").arg(at + 2));
  m_window.reset();
  QCOMPARE(RecordingReader(path.toStdString()).tree().at(0).steps, at + 2);
}

void TestRecordingWindow::withoutItsDataItIsLookedAt() {
  QTemporaryDir folder;
  const QString table = folder.filePath(QStringLiteral("table.csv"));
  QFile file(table);
  QVERIFY(file.open(QIODevice::WriteOnly));
  file.write("a,b,label\n");
  for (int row = 0; row < 90; ++row)
    file.write(QByteArray::number(row % 7) + "," + QByteArray::number(row % 5) +
               (row % 2 ? ",x\n" : ",y\n"));
  file.close();
  window()->keepRunsIn(folder.filePath(QStringLiteral("kept")));
  Experiment e;
  e.data = settingsForPath(table.toStdString());
  e.model.preset = "logistic";
  e.sampling.expectedBatchSize = 20;
  controller()->openExperiment(e);
  settle();
  runTo(3);
  const auto path = QString::fromStdString(controller()->recording().path.string());
  m_window.reset();
  QVERIFY(QFile::remove(table));
  m_window = std::make_unique<MainWindow>();
  m_window->resize(1280, 800);
  m_window->show();
  controller()->openFirst(path);
  settle();
  QVERIFY(controller()->isReadOnly());
  QVERIFY(window()->messages()->text().contains(QStringLiteral("table.csv")));
  QCOMPARE(record().step, Index{3});
  // Every panel has something to say of it.
  for (Panel* panel : window()->docks()->panels()) {
    window()->docks()->show(panel);
    QTest::qWait(20);
  }
  controller()->selection()->selectMany({record().sample->examples.front()});
  controller()->goTo(1, Phase::Account);
  settle();
  QCOMPARE(record().step, Index{1});
}

void TestRecordingWindow::startPageOffersWhatThereIs() {
  QTemporaryDir folder;
  window()->keepRunsIn(folder.path());
  window()->openStartPage(true);
  QVERIFY(!window()->startPage()->isVisible());  // nothing to go on with
  controller()->openExperiment(small());
  settle();
  runTo(3);
  m_window.reset();
  m_window = std::make_unique<MainWindow>();
  m_window->resize(1280, 800);
  m_window->show();
  m_window->keepRunsIn(folder.path());
  controller()->openFirst(QString());
  settle();
  window()->openStartPage(true);
  StartPage* page = window()->startPage();
  QVERIFY(page->isVisible());
  const auto entries = page->findChildren<QPushButton*>(QStringLiteral("startEntry"));
  QCOMPARE(entries.size(), 1);
  QTest::mouseClick(entries.front(), Qt::LeftButton);
  QVERIFY(!page->isVisible());
  settle();
  QCOMPARE(record().step, Index{3});
  window()->openStartPage();
  QVERIFY(page->isVisible());
  QTest::keyClick(page, Qt::Key_Escape);
  QVERIFY(!page->isVisible());
}

void TestRecordingWindow::oldRunsAreThinned() {
  QTemporaryDir folder;
  for (int run = 0; run < 3; ++run) {
    record(folder);
    runTo(1 + run);
  }
  m_window.reset();
  QCOMPARE(recoveredRuns(folder.path()).size(), std::size_t{3});
  thinRecoveredRuns(folder.path(), 2);
  const auto runs = recoveredRuns(folder.path());
  QCOMPARE(runs.size(), std::size_t{2});
  thinRecoveredRuns(folder.path(), 20, 1);
  QVERIFY(recoveredRuns(folder.path()).empty());
}

void TestRecordingWindow::secureRunsAreLookedAt() {
  const QTemporaryDir folder;
  window()->keepRunsIn(folder.path());
  Experiment secure = small();
  secure.run.secureMode = true;
  controller()->openExperiment(secure);
  settle();
  runTo(4);
  QVERIFY(!record().account->simulated);
  QVERIFY(!window()->privacy()->summary().contains(QStringLiteral("simulated")));
  goTo(2);
  QCOMPARE(record().step, Index{2});
  QCOMPARE(record().norms->norms.examples(), Index{0});
  // Not an empty batch, and not said to be one.
  bool isSaid = false;
  for (const QLabel* label : window()->norms()->findChildren<QLabel*>()) {
    QVERIFY(!label->text().contains(QStringLiteral("batch is empty")));
    isSaid = isSaid || label->text().contains(QStringLiteral("secure mode"));
  }
  QVERIFY(isSaid);
  controller()->phaseBack();
  settle();
  QVERIFY(window()->messages()->isError());
  QVERIFY(window()->messages()->text().contains(QStringLiteral("secure mode")));
  QCOMPARE(record().step, Index{2});
  // Forward through what is known, and on.
  for (const Index step : {3, 4, 5}) {
    controller()->step();
    settle();
    QCOMPARE(record().step, step);
  }
  QVERIFY(record().norms->norms.examples() > 0);
  const QString path = QString::fromStdString(controller()->recording().path.string());
  m_window.reset();
  MainWindow again;
  again.show();
  again.controller()->openFirst(path);
  QTRY_VERIFY(!again.controller()->isBusy() && again.controller()->record());
  QVERIFY(again.controller()->isReadOnly());
  QCOMPARE(again.controller()->record()->step, Index{5});
}

QTEST_MAIN(TestRecordingWindow)
#include "test_recording_window.moc"
