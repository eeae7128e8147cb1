// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QApplication>
#include <QButtonGroup>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QTableView>
#include <QTest>
#include <memory>
#include <random>

#include "engine/data/dataset_loader.h"
#include "ui/editors/class_bars.h"
#include "ui/editors/data_model.h"
#include "ui/editors/data_panel.h"
#include "ui/selection.h"
#include "ui/theme.h"

using namespace clipscope;

/// The data browser by itself: what it shows is the data set, whatever is left
/// out or picked.
class TestDataPanel : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase();
  void init();
  void cleanup() { m_panel.reset(); }
  void classCounts();
  void filters();
  void aClickSelects();
  void findsByNumber();
  void batchFollowsTheRecord();
  void manyPictures();
  void pictures();
  void tables();
  void exportedTable();

 private:
  DataPanel* panel() { return m_panel.get(); }
  const Dataset& data() { return *m_loaded.data; }
  void part(int id) { QTest::mouseClick(panel()->parts()->button(id), Qt::LeftButton); }

  LoadedData m_loaded;
  Selection m_selection;
  std::unique_ptr<DataPanel> m_panel;
};

void TestDataPanel::initTestCase() {
  applyTheme(*qApp, ThemeChoice::Light);
  DataSettings settings;
  settings.digits.count = 400;
  m_loaded = loadDataset(settings);
}

void TestDataPanel::init() {
  m_selection.clear();
  m_panel = std::make_unique<DataPanel>(&m_selection);
  new QAbstractItemModelTester(panel()->model(),
                               QAbstractItemModelTester::FailureReportingMode::QtTest, panel());
  panel()->resize(700, 450);
  panel()->show();
  QVERIFY(QTest::qWaitForWindowExposed(panel()));
  panel()->setData(m_loaded.data, m_loaded.test);
  // A panel lights what is selected once there is a step.
  panel()->setRecord(std::make_shared<StepRecord>());
}

void TestDataPanel::classCounts() {
  std::vector<Index> counts(10, 0);
  for (Index i = 0; i < data().size(); ++i) ++counts[static_cast<std::size_t>(data().label(i))];
  QCOMPARE(panel()->model()->classCounts(), counts);
  const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
  QVERIFY(panel()->summary().contains(
      QStringLiteral("10 classes, %1 to %2 each").arg(*least).arg(*most)));
  QVERIFY(panel()->summary().contains("400 of 400"));
  // Of a part.
  part(2);
  std::fill(counts.begin(), counts.end(), 0);
  for (const Index i : m_loaded.test) ++counts[static_cast<std::size_t>(data().label(i))];
  QCOMPARE(panel()->model()->classCounts(), counts);
}

void TestDataPanel::filters() {
  const auto& test = m_loaded.test;
  part(2);
  QCOMPARE(panel()->model()->rowCount(), static_cast<int>(test.size()));
  for (const Index i : test) QVERIFY(panel()->model()->rowOf(i) >= 0);
  part(1);
  QCOMPARE(panel()->model()->rowCount(), 400 - static_cast<int>(test.size()));
  // A class, by a click on its bar; the same click lets it go.
  ClassBars* bars = panel()->bars();
  QTest::mouseClick(bars, Qt::LeftButton, {}, bars->rowRect(3).center());
  QCOMPARE(bars->picked(), 3);
  int expected = 0;
  for (Index i = 0; i < data().size(); ++i)
    expected += data().label(i) == 3 && !panel()->model()->isTest(i);
  QCOMPARE(panel()->model()->rowCount(), expected);
  for (int row = 0; row < panel()->model()->rowCount(); ++row)
    QCOMPARE(data().label(panel()->model()->exampleAt(row)), 3);
  QTest::keyClick(bars, Qt::Key_Down);
  QCOMPARE(data().label(panel()->model()->exampleAt(0)), 4);
  QTest::mouseClick(bars, Qt::LeftButton, {}, bars->rowRect(4).center());
  QCOMPARE(panel()->model()->rowCount(), 400 - static_cast<int>(test.size()));
  part(0);
  QCOMPARE(panel()->model()->rowCount(), 400);
}

void TestDataPanel::aClickSelects() {
  QListView* grid = panel()->grid();
  const auto click = [&](int row, Qt::KeyboardModifiers keys = {}) {
    QTest::mouseClick(grid->viewport(), Qt::LeftButton, keys,
                      grid->visualRect(panel()->model()->index(row, 0)).center());
  };
  click(2);
  QCOMPARE(m_selection.current(), Index{2});
  click(4, Qt::ControlModifier);
  QCOMPARE(m_selection.examples(), (std::vector<Index>{2, 4}));
  // What is selected elsewhere is lit here, also when a filter comes and goes.
  m_selection.selectMany({1, 2, 3, 17});
  QCOMPARE(grid->selectionModel()->selectedIndexes().size(), 4 * 3);
  part(2);
  part(0);
  QCOMPARE(m_selection.examples(), (std::vector<Index>{1, 2, 3, 17}));
  QVERIFY(grid->selectionModel()->isSelected(panel()->model()->index(17, 0)));
  m_selection.clear();
  QVERIFY(!grid->selectionModel()->hasSelection());
}

void TestDataPanel::findsByNumber() {
  part(2);
  Index train = 0;
  while (panel()->model()->isTest(train)) ++train;
  QTest::keyClicks(panel()->search(), QString::number(train + 0));
  QCOMPARE(m_selection.current(), train);
  // It was left out by the filter, which gives way.
  QVERIFY(panel()->parts()->button(0)->isChecked());
  panel()->search()->selectAll();
  QTest::keyClicks(panel()->search(), "399");
  QCOMPARE(m_selection.current(), Index{399});
  QVERIFY(panel()->grid()->viewport()->rect().intersects(
      panel()->grid()->visualRect(panel()->model()->index(399, 0))));
  // There is no such example: nothing happens.
  QTest::keyClicks(panel()->search(), "9");
  QCOMPARE(m_selection.current(), Index{399});
}

void TestDataPanel::batchFollowsTheRecord() {
  part(3);
  QCOMPARE(panel()->model()->rowCount(), 0);
  for (const std::vector<Index>& drawn :
       {std::vector<Index>{7, 3, 350}, std::vector<Index>{}, std::vector<Index>{1, 399, 0, 3}}) {
    auto record = std::make_shared<StepRecord>();
    auto sample = std::make_shared<SamplePart>();
    sample->examples = drawn;
    record->sample = sample;
    panel()->setRecord(record);
    QCOMPARE(panel()->model()->rowCount(), static_cast<int>(drawn.size()));
    for (Index i = 0; i < 400; ++i)
      QCOMPARE(panel()->model()->isInBatch(i),
               std::find(drawn.begin(), drawn.end(), i) != drawn.end());
    for (const Index i : drawn) QVERIFY(panel()->model()->rowOf(i) >= 0);
  }
  part(0);
  QCOMPARE(panel()->model()->rowCount(), 400);
}

void TestDataPanel::manyPictures() {
  Selection selection;
  DataPanel alone(&selection);
  Dataset::Content content;
  content.name = content.source = "many";
  content.shape = Shape{1, 28, 28};
  content.outputs = 10;
  std::mt19937 random(1);
  for (int i = 0; i < 10000; ++i) {
    content.labels.push_back(i % 10);
    for (int k = 0; k < 784; ++k) content.pixels.push_back(static_cast<std::uint8_t>(random()));
  }
  alone.resize(700, 450);
  alone.show();
  alone.setData(std::make_shared<Dataset>(content), {});
  alone.setRecord(std::make_shared<StepRecord>());
  QVERIFY(QTest::qWaitForWindowExposed(&alone));
  QCOMPARE(alone.model()->rowCount(), 10000);
  QTest::keyClick(alone.grid(), Qt::Key_Home);
  QTest::keyClick(alone.grid(), Qt::Key_End);
  QCOMPARE(selection.current(), Index{9999});
  QVERIFY(alone.grid()->viewport()->rect().contains(
      alone.grid()->visualRect(alone.model()->index(9999, 0)).center()));
  selection.select(5000);
  QVERIFY(alone.grid()->viewport()->rect().contains(
      alone.grid()->visualRect(alone.model()->index(5000, 0)).center()));
}

void TestDataPanel::pictures() {
  Dataset::Content content;
  content.name = content.source = "colours";
  content.shape = Shape{3, 2, 2};
  content.outputs = 2;
  content.labels = {0, 1};
  content.pixels = {255, 0, 0, 10, 0, 255, 0, 20, 0, 0,  255, 30,  // red, green, blue, dark
                    1,   2, 3, 4,  5, 6,   7, 8,  9, 10, 11,  12};
  const QImage image = DataModel::picture(Dataset(content), 0);
  QCOMPARE(image.size(), QSize(2, 2));
  QCOMPARE(image.pixel(0, 0), qRgb(255, 0, 0));
  QCOMPARE(image.pixel(1, 0), qRgb(0, 255, 0));
  QCOMPARE(image.pixel(0, 1), qRgb(0, 0, 255));
  QCOMPARE(image.pixel(1, 1), qRgb(10, 20, 30));
  QCOMPARE(DataModel::picture(Dataset(content), 1).pixel(1, 1), qRgb(4, 8, 12));
}

void TestDataPanel::tables() {
  Selection selection;
  DataPanel alone(&selection);
  new QAbstractItemModelTester(alone.model(),
                               QAbstractItemModelTester::FailureReportingMode::QtTest, &alone);
  Dataset::Content content;
  content.name = content.source = "rows";
  content.shape = Shape{2};
  content.outputs = 1;
  content.rows = {1.5f, -2.0f, 0.25f, 1e-6f, 3.0f, 4.0f};
  content.targets = {0.5f, 7.25f, -1.0f};
  content.featureNames = {"height", "weight, kg"};
  alone.resize(700, 300);
  alone.show();
  alone.setData(std::make_shared<Dataset>(content), {1});
  QVERIFY(QTest::qWaitForWindowExposed(&alone));
  QVERIFY(alone.table()->isVisible() && !alone.grid()->isVisible());
  QVERIFY(!alone.bars()->isVisible());
  const DataModel& model = *alone.model();
  QCOMPARE(model.columnCount(), 5);
  const QStringList wanted{"1", "7.250", "test", "0.250", "1e-06"};
  for (int c = 0; c < 5; ++c) QCOMPARE(model.index(1, c).data().toString(), wanted[c]);
  QCOMPARE(model.headerData(4, Qt::Horizontal, Qt::DisplayRole).toString(), "weight, kg");
  QTest::mouseClick(alone.table()->viewport(), Qt::LeftButton, {},
                    alone.table()->visualRect(model.index(2, 1)).center());
  QCOMPARE(selection.examples(), std::vector<Index>{2});
  QCOMPARE(alone.csv(),
           "example,label,part,height,\"weight, kg\"\n0,0.5,train,1.5,-2\n"
           "1,7.25,test,0.25,1e-06\n2,-1,train,3,4\n");
}

void TestDataPanel::exportedTable() {
  part(2);
  const QStringList lines = panel()->csv().split('\n', Qt::SkipEmptyParts);
  const auto& test = m_loaded.test;
  QCOMPARE(lines.size(), static_cast<qsizetype>(test.size()) + 1);
  QCOMPARE(lines[0], "example,label,part");
  for (qsizetype k = 1; k < lines.size(); ++k) {
    const QStringList cells = lines[k].split(',');
    const Index example = cells[0].toLongLong();
    QCOMPARE(cells[1], panel()->model()->labelText(example));
    QCOMPARE(cells[2], "test");
  }
}

QTEST_MAIN(TestDataPanel)
#include "test_data_panel.moc"
