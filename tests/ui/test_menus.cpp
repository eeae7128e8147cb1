// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QClipboard>
#include <QDockWidget>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QMenuBar>
#include <QPushButton>
#include <QSignalSpy>

#include "engine/formats/csv.h"
#include "engine/interchange/command_line.h"
#include "tests/support/files.h"
#include "tests/ui/window_test.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/plots/plot.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/export_all.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// What the menus do to the experiment, the selection, the layout and the disk.
class TestMenus : public WindowTest {
  Q_OBJECT

 private slots:
  void undoAndRedoSettings();
  void undoAsksWhereItNeedsARestart();
  void copiesTheCommandLine();
  void selectsAllAndInverts();
  void exportsAll();
  void exportCanBeCancelled();
  void panelsFloatCloseAndComeBack();
  void layoutPersists();
  void everyLayoutFits();
  void everyShortcutIsUnique();

 private:
  QAction* action(const QString& text) {
    for (QAction* candidate : window()->findChildren<QAction*>())
      if (candidate->text().remove(QLatin1Char('&')).startsWith(text)) return candidate;
    return nullptr;
  }
};

void TestMenus::undoAndRedoSettings() {
  QVERIFY(!action("Undo")->isEnabled() && !action("Redo")->isEnabled());
  type(window()->dock()->maxGradNorm(), "0.5");
  type(window()->dock()->maxGradNorm(), "0.25");
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 0.25);
  QVERIFY2(action("Undo")->text().contains("max_grad_norm 0.25 → 0.5"),
           qPrintable(action("Undo")->text()));
  const Index step = record().step;
  QTest::keyClick(window()->norms()->plot(), Qt::Key_Z, Qt::ControlModifier);
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 0.5);
  QCOMPARE(window()->dock()->maxGradNorm()->text(), "0.5");
  QCOMPARE(record().step, step);  // no step is taken back
  action("Undo")->trigger();
  settle();
  QVERIFY(controller()->experiment() == small());
  QVERIFY(!action("Undo")->isEnabled());
  action("Redo")->trigger();
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 0.5);
  // It holds in the Trainer from the next step on.
  controller()->step();
  settle();
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().clip->maxGradNorm, 0.5);
  // A new change forgets what was undone.
  type(window()->dock()->maxGradNorm(), "2");
  QVERIFY(!action("Redo")->isEnabled());
  controller()->openExperiment(small());
  settle();
  QVERIFY(!action("Undo")->isEnabled());
}

void TestMenus::undoAsksWhereItNeedsARestart() {
  Experiment changed = controller()->experiment();
  changed.run.seed = 9;
  controller()->edit(changed);
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{9});
  action("Undo")->trigger();
  settle();
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{9});
  QVERIFY(window()->messages()->text().contains("restart"));
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{1});
  QVERIFY(action("Redo")->isEnabled() && !action("Undo")->isEnabled());
}

void TestMenus::copiesTheCommandLine() {
  action("Copy as command")->trigger();
  QCOMPARE(QApplication::clipboard()->text(),
           QString::fromStdString(commandLineOf(controller()->experiment())));
  QVERIFY(QApplication::clipboard()->text().contains("--max-grad-norm 3"));
}

void TestMenus::selectsAllAndInverts() {
  action("Select all examples")->trigger();
  QCOMPARE(controller()->selection()->examples(), record().sample->examples);
  const Index first = record().sample->examples.front();
  controller()->selection()->select(first);
  action("Invert selection")->trigger();
  QCOMPARE(controller()->selection()->examples().size(), record().sample->examples.size() - 1);
  QVERIFY(!controller()->selection()->contains(first));
  QTest::keyClick(window()->norms()->plot(), Qt::Key_Escape);
  QVERIFY(controller()->selection()->isEmpty());
}

void TestMenus::exportsAll() {
  const Folder folder;
  QSignalSpy ended(window()->exporter(), &ExportAll::ended);
  window()->exporter()->start(QString::fromStdString((folder / "out").string()));
  QVERIFY(window()->exporter()->isActive());
  QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 1, 60000);
  settle();
  QVERIFY2(!window()->messages()->isError(), qPrintable(window()->messages()->text()));
  QVERIFY(record().completed == Phase::Account);  // a step's rows are its finished ones
  const auto manifest =
      QJsonDocument::fromJson(QByteArray::fromStdString(readAll(folder / "out/manifest.json")))
          .object();
  QStringList names;
  for (const auto& file : manifest["files"].toArray()) {
    names << file.toObject()["name"].toString();
    QCOMPARE(static_cast<std::uintmax_t>(file.toObject()["bytes"].toInteger()),
             std::filesystem::file_size(folder / ("out/" + names.back().toStdString())));
  }
  for (const Panel* panel : window()->docks()->panels())
    for (const char* kind : {".png", ".svg", ".pdf", ".csv"})
      QVERIFY2(names.contains("plots/" + panel->fileName() + kind), qPrintable(panel->title()));
  for (const char* name : {"steps.csv", "examples.csv", "layers.csv", "experiment.json"})
    QVERIFY(names.contains(name));
  QCOMPARE(readCsv(folder / "out/plots/examples.csv").rows.size(),
           static_cast<std::size_t>(record().batchSize()));
}

void TestMenus::exportCanBeCancelled() {
  const Folder folder;
  connect(window()->exporter(), &ExportAll::progressed, window()->exporter(),
          [this](int done, int) {
            if (done == 1) window()->exporter()->cancel();
          });
  QSignalSpy ended(window()->exporter(), &ExportAll::ended);
  window()->exporter()->start(QString::fromStdString((folder / "out").string()));
  QTRY_COMPARE_WITH_TIMEOUT(ended.count(), 1, 60000);
  settle();
  QVERIFY(!std::filesystem::exists(folder / "out"));
}

void TestMenus::panelsFloatCloseAndComeBack() {
  PanelDocks* docks = window()->docks();
  QDockWidget* dock = docks->dockOf(window()->layers());
  dock->setFloating(true);
  QVERIFY(dock->isFloating() && window()->layers()->isVisible());
  // A floating panel goes on showing what the run does.
  controller()->step();
  settle();
  QCOMPARE(window()->layers()->record(), controller()->record());
  dock->close();
  QVERIFY(!window()->layers()->isVisible());
  dock->toggleViewAction()->trigger();
  QVERIFY(window()->layers()->isVisible());
  dock->close();
  action("Reset layout")->trigger();
  QVERIFY(window()->layers()->isVisible() && !dock->isFloating());
  docks->show(window()->examples());
  QTRY_VERIFY(docks->isShown(window()->examples()) && !docks->isShown(window()->norms()));
}

void TestMenus::layoutPersists() {
  window()->docks()->dockOf(window()->layers())->close();
  window()->close();
  MainWindow again;
  again.show();
  QVERIFY(!again.docks()->dockOf(again.layers())->isVisible());
  QVERIFY(again.docks()->dockOf(again.norms())->isVisible());
}

void TestMenus::everyLayoutFits() {
  // No panel, behind whichever tab, makes the window wider than it was asked to be.
  for (const QSize size : {QSize(1280, 800), QSize(1440, 900), QSize(1920, 1080)}) {
    MainWindow fresh;
    fresh.resize(size);
    fresh.resetLayout();
    fresh.show();
    fresh.controller()->openExperiment(small());
    QTRY_VERIFY_WITH_TIMEOUT(!fresh.controller()->isBusy(), 60000);
    for (Panel* panel : fresh.docks()->panels())
      if (panel->isVisibleTo(&fresh)) fresh.docks()->show(panel);
    QTest::qWait(50);
    QCOMPARE(fresh.size(), size);
  }
}

void TestMenus::everyShortcutIsUnique() {
  QMap<QString, QString> used;
  for (const QAction* one : window()->findChildren<QAction*>())
    for (const QKeySequence& key : one->shortcuts()) {
      QVERIFY2(!used.contains(key.toString()),
               qPrintable(key.toString() + ": " + one->text() + ", " + used[key.toString()]));
      used[key.toString()] = one->text();
    }
  QVERIFY(used.size() > 12);
}

QTEST_MAIN(TestMenus)
#include "test_menus.moc"
