// SPDX-License-Identifier: GPL-3.0-or-later
#include <QApplication>
#include <QButtonGroup>
#include <QComboBox>
#include <QDropEvent>
#include <QLabel>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QTableView>
#include <QTest>
#include <bit>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "tests/ui/window_test.h"
#include "ui/panels/examples_model.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/plots/plot.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"
#include "ui/window/number_edit.h"
#include "ui/window/panel_docks.h"
#include "ui/window/phase_rail.h"

using namespace clipscope;
using namespace clipscope::test;

/// The window clicked through: what it shows is what the Trainer computed, and nothing that goes
/// wrong loses what was there.
class TestWindow : public WindowTest {
  Q_OBJECT

 private slots:
  void firstScreenIsFull();
  void phasesByButtonChipAndKey();
  void keysYieldToFields();
  void runAndPause();
  void sameBitsAsTheTrainer();
  void changesHoldFromTheNextStep();
  void badValuesStayInTheirField();
  void restartIsAskedFor();
  void exportedStep();
  void opensByEveryWay();
  void badFilesChangeNothing();
  void aStartThatFailsShowsTheDefault();
  void saveAndOpenExperiment();
  void emptyBatchSaysSo();
  void resetGoesBack();
};

void TestWindow::firstScreenIsFull() {
  QVERIFY(record().completed == Phase::Clip);
  QCOMPARE(record().step, Index{1});
  QVERIFY(window()->norms()->summary().contains("clipped"));
  QVERIFY(window()->layers()->summary().contains("fc1.weight"));
  window()->docks()->show(window()->examples());
  QVERIFY(window()->examples()->summary().contains("mean loss"));
  QVERIFY(window()->sentence()->text().contains("Next: noise"));
  QVERIFY(window()->windowTitle().contains("Generated digits"));
  QCOMPARE(window()->examples()->model()->rowCount(), static_cast<int>(record().batchSize()));
  QVERIFY(!window()->messages()->isVisible());
  QVERIFY(window()->width() <= 1280);  // nothing is wider than the smallest screen meant
}

void TestWindow::phasesByButtonChipAndKey() {
  QTest::mouseClick(window()->rail()->nextButton(), Qt::LeftButton);
  settle();
  QVERIFY(record().completed == Phase::Noise);
  QTest::mouseClick(window()->rail()->stepButton(), Qt::LeftButton);
  settle();
  QVERIFY(record().completed == Phase::Account && record().step == 1);
  QTest::mouseClick(window()->rail()->nextButton(), Qt::LeftButton);
  settle();
  for (const Phase phase : {Phase::Forward, Phase::Norms, Phase::Update}) {
    QTest::mouseClick(window()->rail()->chip(phase), Qt::LeftButton);
    settle();
    QVERIFY(record().completed == phase && record().step == 2);
  }
  window()->norms()->plot()->setFocus();
  QTest::keyClick(window()->norms()->plot(), Qt::Key_Space);
  settle();
  QVERIFY(record().completed == Phase::Account);
  QTest::keyClick(window()->norms()->plot(), Qt::Key_N);
  settle();
  QCOMPARE(record().step, Index{3});
  // Going on to a phase that is past goes to the end of the step, then round again.
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().step, Index{4});
}

void TestWindow::keysYieldToFields() {
  NumberEdit* field = window()->dock()->maxGradNorm();
  field->setFocus();
  QTest::keyClick(field, Qt::Key_Space);
  QTest::keyClick(field, Qt::Key_N);
  settle();
  QVERIFY(record().completed == Phase::Clip && record().step == 1);
}

void TestWindow::runAndPause() {
  QTest::mouseClick(window()->rail()->runButton(), Qt::LeftButton);
  QVERIFY(controller()->isRunning());
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 5, 60000);
  QCOMPARE(window()->rail()->runButton()->text(), "Pause");
  // While it runs the window selects and sorts.
  window()->examples()->table()->sortByColumn(ExamplesModel::Loss, Qt::AscendingOrder);
  controller()->selection()->select(record().sample->examples.front());
  QTest::mouseClick(window()->rail()->runButton(), Qt::LeftButton);
  settle();
  QVERIFY(!controller()->isRunning());
  const Index stopped = record().step;
  QTest::qWait(150);
  QCOMPARE(record().step, stopped);
  QCOMPARE(window()->rail()->runButton()->text(), "Run");
  controller()->step();
  settle();
  QVERIFY(record().step == stopped || record().step == stopped + 1);
}

void TestWindow::sameBitsAsTheTrainer() {
  Trainer trainer(small(), loadDataset(small().data));
  for (int step = 0; step < 3; ++step) {
    trainer.finishStep();
    // Any mixture of phases, steps and running.
    if (step == 1)
      for (int k = 0; k < 8; ++k) controller()->nextPhase(), settle();
    else
      controller()->step();
    settle();
  }
  const StepRecord& a = *trainer.record();
  QCOMPARE(record().step, a.step);
  QCOMPARE(record().sample->examples, a.sample->examples);
  const auto same = [](double x, double y) {
    return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y);
  };
  QVERIFY(std::ranges::equal(record().norms->norms.values(), a.norms->norms.values(), same));
  QVERIFY(same(record().noise->realised, a.noise->realised));
  QVERIFY(same(record().update->parameterNorm, a.update->parameterNorm));
}

void TestWindow::changesHoldFromTheNextStep() {
  type(window()->dock()->maxGradNorm(), "0.25");
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 0.25);
  controller()->step();
  settle();
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().clip->maxGradNorm, 0.25);
  const std::pair<int, std::size_t> groupings[] = {{1, 3}, {2, 6}, {0, 1}};
  for (const auto& [button, groups] : groupings) {
    QTest::mouseClick(window()->dock()->grouping()->button(button), Qt::LeftButton);
    settle();
    controller()->step();
    settle();
    controller()->advanceTo(Phase::Clip);
    settle();
    QCOMPARE(record().clip->groups.size(), groups);
  }
  QComboBox* strategy = window()->dock()->strategy();
  strategy->setCurrentIndex(strategy->findData(QStringLiteral("auto_s")));
  emit strategy->activated(strategy->currentIndex());
  settle();
  controller()->step();
  settle();
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().clip->strategy, "auto_s");
  QVERIFY(!window()->norms()->summary().contains("clipped"));  // an automatic rule clips nobody
}

void TestWindow::badValuesStayInTheirField() {
  NumberEdit* field = window()->dock()->maxGradNorm();
  for (const char* text : {"0", "-1", "abc", "", "1e99", "nan"}) {
    type(field, text);
    settle();
    QVERIFY2(field->property("invalid").toBool(), text);
    QVERIFY(!field->toolTip().isEmpty());
    QCOMPARE(controller()->experiment().clipping.maxGradNorm, 3.0);
  }
  type(field, "2");
  settle();
  QVERIFY(!field->property("invalid").toBool());
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 2.0);
}

void TestWindow::restartIsAskedFor() {
  controller()->step();
  controller()->step();
  settle();
  Experiment changed = controller()->experiment();
  changed.run.seed = 77;
  controller()->edit(changed);
  QVERIFY(window()->messages()->isVisible());
  QVERIFY(window()->messages()->text().contains("restart"));
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{1});
  QCOMPARE(record().step, Index{2});
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{77});
  QCOMPARE(record().step, Index{1});
  QVERIFY(!window()->messages()->isVisible());
}

void TestWindow::exportedStep() {
  const Folder folder;
  controller()->exportRun(QString::fromStdString((folder / "out").string()));
  settle();
  QVERIFY(std::filesystem::exists(folder / "out/manifest.json"));
  QCOMPARE(readCsv(folder / "out/examples.csv").rows.size(),
           static_cast<std::size_t>(record().batchSize()));
  folder.write("file", "x");
  controller()->exportRun(QString::fromStdString((folder / "file").string()));
  settle();
  QVERIFY(window()->messages()->isError());
}

void TestWindow::opensByEveryWay() {
  const Folder folder;
  std::string rows = "a,b,kind\n";
  for (int k = 0; k < 60; ++k)
    rows += std::to_string(k % 7) + "," + std::to_string(k % 5) + (k % 2 ? ",x\n" : ",y\n");
  const QString path = QString::fromStdString(folder.write("rows.csv", rows).string());
  Experiment e = small();
  e.sampling.expectedBatchSize = 20;
  controller()->openExperiment(e);
  settle();
  controller()->openPath(path);
  settle();
  QVERIFY2(!window()->messages()->isError(), qPrintable(window()->messages()->text()));
  QCOMPARE(controller()->session()->data->name(), "rows");
  QVERIFY(window()->windowTitle().contains("rows"));
  // Drag and drop comes by the same way.
  std::string pixels = idxHeader({50, 8, 8}), labels = idxHeader({50});
  for (int k = 0; k < 50 * 64; ++k) pixels += static_cast<char>(k * 7);
  for (int k = 0; k < 50; ++k) labels += static_cast<char>(k % 3);
  folder.write("s-labels-idx1-ubyte", labels);
  QMimeData mime;
  mime.setUrls({QUrl::fromLocalFile(
      QString::fromStdString(folder.write("s-images-idx3-ubyte", pixels).string()))});
  QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(window(), &enter);
  QVERIFY(enter.isAccepted());
  QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(window(), &drop);
  settle();
  QVERIFY2(!window()->messages()->isError(), qPrintable(window()->messages()->text()));
  QCOMPARE(controller()->session()->data->shape(), (Shape{1, 8, 8}));
  QCOMPARE(QSettings().value("recent").toStringList().size(), 1);
}

void TestWindow::badFilesChangeNothing() {
  const Folder folder;
  controller()->step();
  settle();
  const auto before = controller()->record();
  const auto session = controller()->session();
  const std::pair<std::filesystem::path, const char*> bad[] = {
      {folder / "missing.csv", "missing.csv"},
      {folder.write("empty.csv", ""), "empty"},
      {folder.write("ragged.csv", "a,b,label\n1,2,x\n3,y\n"), "line 3"},
      {folder.write("nan.csv", "a,b,label\n1,nan,x\n3,4,y\n"), "line 2"},
      {folder.write("cut-images-idx3-ubyte", idxHeader({9, 9, 9}) + "x"), "cut off"},
      {folder.write("broken.json", "{\"run\": {"), "line"},
      {folder.write("wrong.json", "{\"noise\": {\"noise_multiplier\": -1}}"),
       "noise.noise_multiplier"},
      {folder.write("norm.json", R"({"model": {"spec": {"layers": [{"type": "batchnorm2d"}]}}})"),
       "groupnorm"},
      {folder.write("steps.json", "{\"run\": {\"steps\": -1}}"), "run.steps"},
      {folder.path(), "folder"}};
  for (const auto& [path, word] : bad) {
    controller()->openPath(QString::fromStdString(path.string()));
    settle();
    QVERIFY2(window()->messages()->isVisible() && window()->messages()->isError(), path.c_str());
    QVERIFY2(window()->messages()->text().contains(word), qPrintable(window()->messages()->text()));
    QCOMPARE(controller()->record(), before);
    QCOMPARE(controller()->session(), session);
    QVERIFY(controller()->experiment() == small());
  }
  controller()->step();
  settle();
  QCOMPARE(record().step, Index{2});
}

void TestWindow::aStartThatFailsShowsTheDefault() {
  const Folder folder;
  const std::filesystem::path bad[] = {folder / "missing.json",
                                       folder.write("ragged.csv", "a,b\n1,2\n3\n")};
  for (const auto& path : bad) {
    MainWindow fresh;
    fresh.show();
    fresh.controller()->openFirst(QString::fromStdString(path.string()));
    QTRY_VERIFY_WITH_TIMEOUT(fresh.controller()->record() && !fresh.controller()->isBusy(), 60000);
    QVERIFY(fresh.messages()->isError());
    QVERIFY(fresh.messages()->text().contains(QString::fromStdString(path.filename().string())));
    QCOMPARE(fresh.controller()->session()->data->name(), "Generated digits");
  }
}

void TestWindow::saveAndOpenExperiment() {
  const Folder folder;
  type(window()->dock()->maxGradNorm(), "1.75");
  settle();
  const QString path = QString::fromStdString((folder / "mine.json").string());
  controller()->saveTo(path);
  QVERIFY(window()->windowTitle().contains("mine.json"));
  controller()->openExperiment(Experiment(small()));
  settle();
  QVERIFY(!window()->windowTitle().contains("mine.json"));
  controller()->openPath(path);
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 1.75);
  QCOMPARE(window()->dock()->maxGradNorm()->text(), "1.75");
  QVERIFY(window()->windowTitle().contains("mine.json"));
  controller()->saveTo("/proc/none/x.json");
  QVERIFY(window()->messages()->isError());
}

void TestWindow::emptyBatchSaysSo() {
  Experiment e = small();
  e.sampling.sampleRate = 1e-9;
  controller()->openExperiment(e);
  settle();
  QCOMPARE(record().batchSize(), Index{0});
  for (Panel* panel :
       std::initializer_list<Panel*>{window()->norms(), window()->layers(), window()->examples()}) {
    window()->docks()->show(panel);
    bool said = false;
    for (const QLabel* label : panel->findChildren<QLabel*>())
      said = said || (label->isVisible() && label->text().contains("empty"));
    QVERIFY2(said, qPrintable(panel->title()));
  }
  controller()->step();
  settle();
  QVERIFY(record().completed == Phase::Account);
}

void TestWindow::resetGoesBack() {
  const auto first = record().norms->global;
  for (int k = 0; k < 3; ++k) controller()->step();
  settle();
  controller()->reset();
  settle();
  QCOMPARE(record().step, Index{1});
  QCOMPARE(record().norms->global, first);
}

QTEST_MAIN(TestWindow)
#include "test_window.moc"
