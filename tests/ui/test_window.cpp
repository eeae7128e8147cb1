// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QApplication>
#include <QButtonGroup>
#include <QComboBox>
#include <QDropEvent>
#include <QLabel>
#include <QMenuBar>
#include <QMimeData>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTableView>
#include <QTest>
#include <bit>
#include <cmath>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "ui/panels/examples_model.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_map.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/main_window.h"
#include "ui/window/message_bar.h"
#include "ui/window/number_edit.h"
#include "ui/window/phase_rail.h"

using namespace clipscope;
using namespace clipscope::test;

/// The real MainWindow, clicked through: what it shows is what the Trainer computed, and nothing
/// that goes wrong loses what was there.
class TestWindow : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void init();
  void cleanup();

  void firstScreenIsFull();
  void phasesByButtonChipAndKey();
  void keysYieldToFields();
  void runAndPause();
  void sameBitsAsTheTrainer();
  void changesHoldFromTheNextStep();
  void badValuesStayInTheirField();
  void restartIsAskedFor();
  void tableCsvAndRecordAgree();
  void modelKeepsTheRules();
  void histogramCountsTheRecord();
  void mapShowsTheRecord();
  void oneSelectionEverywhere();
  void exportsAreWholeOrNotThere();
  void exportedStep();
  void opensByEveryWay();
  void badFilesChangeNothing();
  void saveAndOpenExperiment();
  void emptyBatchSaysSo();
  void resetGoesBack();
  void themesReachThePlots();
  void everythingHasAName();

 private:
  Controller* controller() { return m_window->controller(); }
  const StepRecord& record() { return *controller()->record(); }
  void settle() { QTRY_VERIFY_WITH_TIMEOUT(!controller()->isBusy(), 60000); }
  void type(NumberEdit* field, const QString& text) {
    field->setFocus();
    field->selectAll();
    QTest::keyClicks(field, text);
    QTest::keyClick(field, Qt::Key_Return);
  }
  static Experiment small() {
    Experiment e;
    e.data.digits.count = 400;
    e.model.preset = "mlp";
    e.sampling.expectedBatchSize = 40;
    e.clipping.maxGradNorm = 3;
    return e;
  }

  std::unique_ptr<MainWindow> m_window;
};

void TestWindow::initTestCase() {
  QStandardPaths::setTestModeEnabled(true);
  QCoreApplication::setOrganizationName(QStringLiteral("ClipscopeTest"));
  QCoreApplication::setApplicationName(QStringLiteral("test_window"));
  applyTheme(*qApp, ThemeChoice::Light);
}

void TestWindow::init() {
  QSettings().clear();
  m_window = std::make_unique<MainWindow>();
  m_window->resize(1280, 800);
  m_window->show();
  QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
  controller()->openExperiment(small());
  settle();
  QVERIFY(controller()->record());
}

void TestWindow::cleanup() { m_window.reset(); }

void TestWindow::firstScreenIsFull() {
  QVERIFY(record().completed == Phase::Clip);
  QCOMPARE(record().step, Index{1});
  QVERIFY(m_window->norms()->summary().contains("clipped"));
  QVERIFY(m_window->layers()->summary().contains("fc1.weight"));
  QVERIFY(m_window->examples()->summary().contains("mean loss"));
  QVERIFY(m_window->sentence()->text().contains("Next: noise"));
  QVERIFY(m_window->windowTitle().contains("Generated digits"));
  QCOMPARE(m_window->examples()->model()->rowCount(), static_cast<int>(record().batchSize()));
  QVERIFY(!m_window->messages()->isVisible());
  QVERIFY(m_window->width() <= 1280);  // nothing is wider than the smallest screen meant
}

void TestWindow::phasesByButtonChipAndKey() {
  QTest::mouseClick(m_window->rail()->nextButton(), Qt::LeftButton);
  settle();
  QVERIFY(record().completed == Phase::Noise);
  QTest::mouseClick(m_window->rail()->stepButton(), Qt::LeftButton);
  settle();
  QVERIFY(record().completed == Phase::Account && record().step == 1);
  for (const Phase phase : {Phase::Sample, Phase::Norms, Phase::Update}) {
    QTest::mouseClick(m_window->rail()->chip(phase), Qt::LeftButton);
    settle();
    QVERIFY(record().completed == phase && record().step == 2);
  }
  m_window->norms()->plot()->setFocus();
  QTest::keyClick(m_window->norms()->plot(), Qt::Key_Space);
  settle();
  QVERIFY(record().completed == Phase::Account);
  QTest::keyClick(m_window->norms()->plot(), Qt::Key_N);
  settle();
  QCOMPARE(record().step, Index{3});
  // A click on a phase that is past goes on to the end of the step, then round again.
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().step, Index{4});
}

void TestWindow::keysYieldToFields() {
  NumberEdit* field = m_window->dock()->maxGradNorm();
  field->setFocus();
  QTest::keyClick(field, Qt::Key_Space);
  QTest::keyClick(field, Qt::Key_N);
  settle();
  QVERIFY(record().completed == Phase::Clip && record().step == 1);
}

void TestWindow::runAndPause() {
  QTest::mouseClick(m_window->rail()->runButton(), Qt::LeftButton);
  QVERIFY(controller()->isRunning());
  QTRY_VERIFY_WITH_TIMEOUT(record().step >= 5, 60000);
  QCOMPARE(m_window->rail()->runButton()->text(), "Pause");
  // While it runs the window selects and sorts.
  m_window->examples()->table()->sortByColumn(ExamplesModel::Loss, Qt::AscendingOrder);
  controller()->selection()->select(record().sample->examples.front());
  QTest::mouseClick(m_window->rail()->runButton(), Qt::LeftButton);
  settle();
  QVERIFY(!controller()->isRunning());
  const Index stopped = record().step;
  QTest::qWait(150);
  QCOMPARE(record().step, stopped);
  QCOMPARE(m_window->rail()->runButton()->text(), "Run");
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
  const auto same = [](double x, double y) { return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y); };
  QVERIFY(std::ranges::equal(record().norms->norms.values(), a.norms->norms.values(), same));
  QVERIFY(same(record().noise->realised, a.noise->realised));
  QVERIFY(same(record().update->parameterNorm, a.update->parameterNorm));
}

void TestWindow::changesHoldFromTheNextStep() {
  type(m_window->dock()->maxGradNorm(), "0.25");
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 0.25);
  controller()->step();
  settle();
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().clip->maxGradNorm, 0.25);
  const std::pair<int, std::size_t> groupings[] = {{1, 3}, {2, 6}, {0, 1}};
  for (const auto& [button, groups] : groupings) {
    QTest::mouseClick(m_window->dock()->grouping()->button(button), Qt::LeftButton);
    settle();
    controller()->step();
    settle();
    controller()->advanceTo(Phase::Clip);
    settle();
    QCOMPARE(record().clip->groups.size(), groups);
  }
  QComboBox* strategy = m_window->dock()->strategy();
  strategy->setCurrentIndex(strategy->findData(QStringLiteral("auto_s")));
  emit strategy->activated(strategy->currentIndex());
  settle();
  controller()->step();
  settle();
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().clip->strategy, "auto_s");
  QVERIFY(!m_window->norms()->summary().contains("clipped"));  // an automatic rule clips nobody
}

void TestWindow::badValuesStayInTheirField() {
  NumberEdit* field = m_window->dock()->maxGradNorm();
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
  QVERIFY(m_window->messages()->isVisible());
  QVERIFY(m_window->messages()->text().contains("restart"));
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{1});
  QCOMPARE(record().step, Index{2});
  QTest::mouseClick(m_window->messages()->actionButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->experiment().run.seed, std::uint64_t{77});
  QCOMPARE(record().step, Index{1});
  QVERIFY(!m_window->messages()->isVisible());
}

void TestWindow::tableCsvAndRecordAgree() {
  controller()->step();
  settle();
  const Folder folder;
  QVERIFY(m_window->examples()->exportTo(QString::fromStdString((folder / "e.csv").string())));
  const CsvTable csv = readCsv(folder / "e.csv", CsvHeader::Present);
  const StepRecord& r = record();
  QCOMPARE(csv.rows.size(), static_cast<std::size_t>(r.batchSize()));
  ExamplesModel* model = m_window->examples()->model();
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(csv.header.begin(), csv.header.end(), name) - csv.header.begin());
  };
  for (Index i = 0; i < r.batchSize(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto& row = csv.rows[at];
    const auto cell = [&](const char* name) { return std::strtod(row[column(name)].c_str(), nullptr); };
    QCOMPARE(static_cast<Index>(cell("example")), r.sample->examples[at]);
    const int shown = model->rowOf(r.sample->examples[at]);
    QVERIFY(shown >= 0);
    const auto value = [&](int c) { return model->index(shown, c).data(Qt::UserRole).toDouble(); };
    const std::pair<const char*, std::pair<int, double>> numbers[] = {
        {"loss", {ExamplesModel::Loss, static_cast<double>(r.forward->losses[at])}},
        {"norm", {ExamplesModel::Norm, r.norms->global[at]}},
        {"clip_factor", {ExamplesModel::Factor, r.clip->factors.overallFactor(i)}},
        {"clipped_norm", {ExamplesModel::ClippedNorm, r.clip->factors.clippedNorm(i)}},
        {"label", {ExamplesModel::Label, r.sample->labels[at]}},
        {"prediction", {ExamplesModel::Prediction, r.forward->predictions[at]}}};
    for (const auto& [name, both] : numbers) {
      QVERIFY2(value(both.first) == both.second, name);
      QVERIFY2(static_cast<float>(cell(name)) == static_cast<float>(both.second), name);
    }
    // What is painted is that number to four digits.
    QVERIFY(std::abs(model->index(shown, ExamplesModel::Norm).data().toDouble() - r.norms->global[at]) <=
            1e-3 * r.norms->global[at]);
  }
}

void TestWindow::modelKeepsTheRules() {
  ExamplesModel* model = m_window->examples()->model();
  QAbstractItemModelTester tester(model, QAbstractItemModelTester::FailureReportingMode::QtTest);
  for (int column = 0; column < ExamplesModel::columnCount_; ++column)
    for (const Qt::SortOrder order : {Qt::AscendingOrder, Qt::DescendingOrder}) {
      m_window->examples()->table()->sortByColumn(column, order);
      for (int row = 1; row < model->rowCount(); ++row) {
        const double above = model->index(row - 1, column).data(Qt::UserRole).toDouble();
        const double here = model->index(row, column).data(Qt::UserRole).toDouble();
        QVERIFY(order == Qt::AscendingOrder ? above <= here : above >= here);
      }
    }
  for (int k = 0; k < 10; ++k) {
    controller()->nextPhase();
    settle();
  }
}

void TestWindow::histogramCountsTheRecord() {
  const StepRecord& r = record();
  for (Index tensor = -1; tensor < static_cast<Index>(r.info->tensors.size()); ++tensor) {
    m_window->norms()->showTensor(tensor);
    const NormHistogram& h = m_window->norms()->histogram();
    Index before = h.zeroBefore, after = h.zeroAfter;
    for (Index k = 0; k < h.bins(); ++k) {
      before += h.before[static_cast<std::size_t>(k)];
      after += h.after[static_cast<std::size_t>(k)];
    }
    QCOMPARE(before, r.batchSize());
    QCOMPARE(after, r.batchSize());
    for (Index i = 0; i < r.batchSize(); ++i) {
      const double n = tensor < 0 ? r.norms->global[static_cast<std::size_t>(i)] : r.norms->norms.at(i, tensor);
      const double f = r.clip->factors.factor(i, 0);
      QCOMPARE(h.examples[static_cast<std::size_t>(i)].before, n);
      QVERIFY(std::abs(h.examples[static_cast<std::size_t>(i)].after - f * n) <= 1e-12 * n);
    }
    QCOMPARE(h.thresholds, (std::vector<double>{3.0}));
  }
  // The exported table has the same counts.
  const Folder folder;
  QVERIFY(m_window->norms()->exportTo(QString::fromStdString((folder / "n.csv").string())));
  const CsvTable csv = readCsv(folder / "n.csv", CsvHeader::Present);
  double total = 0;
  for (const auto& row : csv.rows) total += std::strtod(row[2].c_str(), nullptr);
  QCOMPARE(static_cast<Index>(total), r.batchSize());
}

void TestWindow::mapShowsTheRecord() {
  LayersMap* map = m_window->layers()->map();
  const StepRecord& r = record();
  QCOMPARE(map->columns(), r.batchSize());
  double before = INFINITY;
  for (Index c = 0; c < map->columns(); ++c) {
    const Index row = map->rowOf(c);
    const double n = r.norms->global[static_cast<std::size_t>(row)];
    QVERIFY(n <= before);
    before = n;
    double shares = 0;
    for (Index t = 0; t < r.norms->norms.tensors(); ++t) shares += map->value(t, c);
    QVERIFY(std::abs(shares - 1) < 1e-9);
  }
  map->setQuantity(LayersMap::Quantity::Norm);
  map->setAfterClipping(true);
  for (Index c = 0; c < map->columns(); ++c) {
    double squares = 0;
    for (Index t = 0; t < r.norms->norms.tensors(); ++t) squares += map->value(t, c) * map->value(t, c);
    QVERIFY(std::sqrt(squares) <= 3 * (1 + 1e-9));
  }
}

void TestWindow::oneSelectionEverywhere() {
  QTableView* table = m_window->examples()->table();
  const QRect cell = table->visualRect(m_window->examples()->model()->index(2, 0));
  QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, cell.center());
  const Index example = m_window->examples()->model()->exampleAt(2);
  QCOMPARE(controller()->selection()->examples(), (std::vector<Index>{example}));
  // Lit in the histogram and, as different pixels, in the map.
  QTRY_VERIFY(m_window->norms()->plot()->graphCount() == 2);
  QCOMPARE(m_window->norms()->plot()->graph(1)->dataCount(), 1);
  const QImage with = m_window->layers()->map()->grab().toImage();
  controller()->selection()->clear();
  QVERIFY(with != m_window->layers()->map()->grab().toImage());
  QCOMPARE(m_window->norms()->plot()->graph(1)->dataCount(), 0);
  QVERIFY(!table->selectionModel()->hasSelection());
  // From the map, with the keyboard.
  m_window->layers()->map()->setFocus();
  QTest::keyClick(m_window->layers()->map(), Qt::Key_Right);
  QCOMPARE(controller()->selection()->examples().size(), std::size_t{1});
  QCOMPARE(table->selectionModel()->selectedRows().size(), 1);
  // From the histogram: a rectangle adds all that lies in it.
  emit m_window->norms()->plot()->rectangleSelected(QRectF(-100, 0, 1000, 100));
  QCOMPARE(static_cast<Index>(controller()->selection()->examples().size()), record().batchSize());
  QCOMPARE(static_cast<Index>(table->selectionModel()->selectedRows().size()), record().batchSize());
  QTest::keyClick(m_window->norms()->plot(), Qt::Key_Escape);
  QVERIFY(controller()->selection()->isEmpty());
  // It survives a step, for examples that are drawn again.
  controller()->selection()->select(example);
  controller()->step();
  settle();
  QCOMPARE(controller()->selection()->examples(), (std::vector<Index>{example}));
}

void TestWindow::exportsAreWholeOrNotThere() {
  const Folder folder;
  for (Panel* panel : std::initializer_list<Panel*>{m_window->norms(), m_window->layers(), m_window->examples()}) {
    const std::string name = panel->title().toStdString();
    const QSize size = panel->size();  // the message about it takes a line from the panels
    QVERIFY(panel->exportTo(QString::fromStdString((folder / (name + ".png")).string())));
    QVERIFY(panel->exportTo(QString::fromStdString((folder / (name + ".csv")).string())));
    const QImage image(QString::fromStdString((folder / (name + ".png")).string()));
    QCOMPARE(image.size(), size * 2);
    QVERIFY(readAll(folder / (name + ".csv")).size() > 200);
    QVERIFY(m_window->messages()->text().contains("not private"));
    QVERIFY(!panel->exportTo("/proc/none/x.png"));
    QVERIFY(m_window->messages()->isError() && m_window->messages()->text().contains("/proc/none/x.png"));
    QVERIFY(!panel->exportTo(QString::fromStdString((folder / "x.bmp").string())));
  }
  QCOMPARE(countFiles(folder.path()), 6);
}

void TestWindow::exportedStep() {
  const Folder folder;
  controller()->exportRun(QString::fromStdString((folder / "out").string()));
  settle();
  QVERIFY(std::filesystem::exists(folder / "out/manifest.json"));
  QCOMPARE(readCsv(folder / "out/examples.csv").rows.size(), static_cast<std::size_t>(record().batchSize()));
  folder.write("file", "x");
  controller()->exportRun(QString::fromStdString((folder / "file").string()));
  settle();
  QVERIFY(m_window->messages()->isError());
}

void TestWindow::opensByEveryWay() {
  const Folder folder;
  std::string rows = "a,b,kind\n";
  for (int k = 0; k < 60; ++k) rows += std::to_string(k % 7) + "," + std::to_string(k % 5) + (k % 2 ? ",x\n" : ",y\n");
  const QString path = QString::fromStdString(folder.write("rows.csv", rows).string());
  Experiment e = small();
  e.sampling.expectedBatchSize = 20;
  controller()->openExperiment(e);
  settle();
  controller()->openPath(path);
  settle();
  QVERIFY2(!m_window->messages()->isError(), qPrintable(m_window->messages()->text()));
  QCOMPARE(controller()->session()->data->name(), "rows");
  QVERIFY(m_window->windowTitle().contains("rows"));
  // Drag and drop comes by the same way.
  std::string pixels = idxHeader({50, 8, 8}), labels = idxHeader({50});
  for (int k = 0; k < 50 * 64; ++k) pixels += static_cast<char>(k * 7);
  for (int k = 0; k < 50; ++k) labels += static_cast<char>(k % 3);
  folder.write("s-labels-idx1-ubyte", labels);
  QMimeData mime;
  mime.setUrls({QUrl::fromLocalFile(QString::fromStdString(folder.write("s-images-idx3-ubyte", pixels).string()))});
  QDragEnterEvent enter(QPoint(50, 50), Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(m_window.get(), &enter);
  QVERIFY(enter.isAccepted());
  QDropEvent drop(QPointF(50, 50), Qt::CopyAction, &mime, Qt::LeftButton, Qt::NoModifier);
  QApplication::sendEvent(m_window.get(), &drop);
  settle();
  QVERIFY2(!m_window->messages()->isError(), qPrintable(m_window->messages()->text()));
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
      {folder.write("wrong.json", "{\"noise\": {\"noise_multiplier\": -1}}"), "noise.noise_multiplier"},
      {folder.write("norm.json", R"({"model": {"spec": {"layers": [{"type": "batchnorm2d"}]}}})"), "groupnorm"},
      {folder.write("steps.json", "{\"run\": {\"steps\": -1}}"), "run.steps"},
      {folder.path(), "folder"}};
  for (const auto& [path, word] : bad) {
    controller()->openPath(QString::fromStdString(path.string()));
    settle();
    QVERIFY2(m_window->messages()->isVisible() && m_window->messages()->isError(), path.c_str());
    QVERIFY2(m_window->messages()->text().contains(word), qPrintable(m_window->messages()->text()));
    QCOMPARE(controller()->record(), before);
    QCOMPARE(controller()->session(), session);
    QVERIFY(controller()->experiment() == small());
  }
  controller()->step();
  settle();
  QCOMPARE(record().step, Index{2});
}

void TestWindow::saveAndOpenExperiment() {
  const Folder folder;
  type(m_window->dock()->maxGradNorm(), "1.75");
  settle();
  const QString path = QString::fromStdString((folder / "mine.json").string());
  controller()->saveTo(path);
  QVERIFY(m_window->windowTitle().contains("mine.json"));
  controller()->openExperiment(Experiment(small()));
  settle();
  QVERIFY(!m_window->windowTitle().contains("mine.json"));
  controller()->openPath(path);
  settle();
  QCOMPARE(controller()->experiment().clipping.maxGradNorm, 1.75);
  QCOMPARE(m_window->dock()->maxGradNorm()->text(), "1.75");
  QVERIFY(m_window->windowTitle().contains("mine.json"));
  controller()->saveTo("/proc/none/x.json");
  QVERIFY(m_window->messages()->isError());
}

void TestWindow::emptyBatchSaysSo() {
  Experiment e = small();
  e.sampling.sampleRate = 1e-9;
  controller()->openExperiment(e);
  settle();
  QCOMPARE(record().batchSize(), Index{0});
  for (Panel* panel : std::initializer_list<Panel*>{m_window->norms(), m_window->layers(), m_window->examples()}) {
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

void TestWindow::themesReachThePlots() {
  const QImage light = m_window->norms()->grab().toImage();
  applyTheme(*qApp, ThemeChoice::Dark);
  QTest::qWait(50);
  const QImage dark = m_window->norms()->grab().toImage();
  QVERIFY(qGray(light.pixel(light.width() / 2, light.height() / 3)) > 200);
  QVERIFY(qGray(dark.pixel(dark.width() / 2, dark.height() / 3)) < 80);
  applyTheme(*qApp, ThemeChoice::Light);
  QTest::qWait(50);
}

void TestWindow::everythingHasAName() {
  for (const QWidget* widget : m_window->findChildren<QWidget*>()) {
    const bool interactive = qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
                             qobject_cast<const QComboBox*>(widget) || qobject_cast<const Plot*>(widget);
    if (!interactive || !widget->isVisible()) continue;
    const auto* button = qobject_cast<const QAbstractButton*>(widget);
    QVERIFY2(!widget->accessibleName().isEmpty() || (button && !button->text().isEmpty()),
             widget->metaObject()->className());
  }
  // Every action is in a menu; none but the openers of folders stands without a key or a mark.
  QVERIFY(m_window->menuBar()->actions().size() >= 4);
}

QTEST_MAIN(TestWindow)
#include "test_window.moc"
