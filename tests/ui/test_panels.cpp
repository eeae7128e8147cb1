// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QApplication>
#include <QComboBox>
#include <QContextMenuEvent>
#include <QMenu>
#include <QSvgRenderer>
#include <QTableView>
#include <QTest>
#include <QTimer>
#include <cmath>

#include "engine/formats/csv.h"
#include "tests/support/files.h"
#include "tests/ui/window_test.h"
#include "ui/panels/clip_factors_panel.h"
#include "ui/panels/examples_model.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/layers_map.h"
#include "ui/panels/layers_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/panel_export.h"
#include "ui/plots/number_format.h"
#include "ui/plots/plot.h"
#include "ui/theme.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// The panels: table, picture, CSV and record are one set of numbers; one selection everywhere.
class TestPanels : public WindowTest {
  Q_OBJECT

 private slots:
  void tableCsvAndRecordAgree();
  void modelKeepsTheRules();
  void histogramCountsTheRecord();
  void mapShowsTheRecord();
  void oneSelectionEverywhere();
  void barsByKeyboard();
  void cellsSayTheirFormula();
  void headsFitTheirColumns();
  void exportsAreWholeOrNotThere();
  void contextMenuIsEverywhere();
  void themesReachThePlots();
  void everythingHasAName();
};

void TestPanels::tableCsvAndRecordAgree() {
  window()->docks()->show(window()->examples());
  controller()->step();
  settle();
  const Folder folder;
  QVERIFY(window()->examples()->exportTo(QString::fromStdString((folder / "e.csv").string())));
  const CsvTable csv = readCsv(folder / "e.csv", CsvHeader::Present);
  const StepRecord& r = record();
  QCOMPARE(csv.rows.size(), static_cast<std::size_t>(r.batchSize()));
  ExamplesModel* model = window()->examples()->model();
  const auto column = [&](const char* name) {
    return static_cast<std::size_t>(std::find(csv.header.begin(), csv.header.end(), name) -
                                    csv.header.begin());
  };
  for (Index i = 0; i < r.batchSize(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto& row = csv.rows[at];
    const auto cell = [&](const char* name) {
      return std::strtod(row[column(name)].c_str(), nullptr);
    };
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
    QVERIFY(std::abs(model->index(shown, ExamplesModel::Norm).data().toDouble() -
                     r.norms->global[at]) <= 1e-3 * r.norms->global[at]);
  }
}

void TestPanels::modelKeepsTheRules() {
  window()->docks()->show(window()->examples());
  ExamplesModel* model = window()->examples()->model();
  QAbstractItemModelTester tester(model, QAbstractItemModelTester::FailureReportingMode::QtTest);
  for (int column = 0; column < ExamplesModel::columnCount_; ++column)
    for (const Qt::SortOrder order : {Qt::AscendingOrder, Qt::DescendingOrder}) {
      window()->examples()->table()->sortByColumn(column, order);
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

void TestPanels::histogramCountsTheRecord() {
  const StepRecord& r = record();
  for (Index tensor = -1; tensor < static_cast<Index>(r.info->tensors.size()); ++tensor) {
    window()->norms()->showTensor(tensor);
    const NormHistogram& h = window()->norms()->histogram();
    Index before = h.zeroBefore, after = h.zeroAfter;
    for (Index k = 0; k < h.bins(); ++k) {
      before += h.before[static_cast<std::size_t>(k)];
      after += h.after[static_cast<std::size_t>(k)];
    }
    QCOMPARE(before, r.batchSize());
    QCOMPARE(after, r.batchSize());
    for (Index i = 0; i < r.batchSize(); ++i) {
      const double n =
          tensor < 0 ? r.norms->global[static_cast<std::size_t>(i)] : r.norms->norms.at(i, tensor);
      const double f = r.clip->factors.factor(i, 0);
      QCOMPARE(h.examples[static_cast<std::size_t>(i)].before, n);
      QVERIFY(std::abs(h.examples[static_cast<std::size_t>(i)].after - f * n) <= 1e-12 * n);
    }
    QCOMPARE(h.thresholds, (std::vector<double>{3.0}));
    // Nothing that was clipped is drawn beyond the threshold.
    for (Index k = 0; k < h.bins(); ++k)
      if (h.value(h.edges[static_cast<std::size_t>(k)]) > 3.0 * (1 - 1e-9))
        QCOMPARE(h.after[static_cast<std::size_t>(k)], Index{0});
  }
  // The exported table has the same counts.
  const Folder folder;
  QVERIFY(window()->norms()->exportTo(QString::fromStdString((folder / "n.csv").string())));
  const CsvTable csv = readCsv(folder / "n.csv", CsvHeader::Present);
  double total = 0;
  for (const auto& row : csv.rows) total += std::strtod(row[2].c_str(), nullptr);
  QCOMPARE(static_cast<Index>(total), r.batchSize());
}

void TestPanels::mapShowsTheRecord() {
  LayersMap* map = window()->layers()->map();
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
    for (Index t = 0; t < r.norms->norms.tensors(); ++t)
      squares += map->value(t, c) * map->value(t, c);
    QVERIFY(std::sqrt(squares) <= 3 * (1 + 1e-9));
  }
}

void TestPanels::oneSelectionEverywhere() {
  window()->docks()->show(window()->examples());
  QTableView* table = window()->examples()->table();
  const QRect cell = table->visualRect(window()->examples()->model()->index(2, 0));
  QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, cell.center());
  const Index example = window()->examples()->model()->exampleAt(2);
  QCOMPARE(controller()->selection()->examples(), (std::vector<Index>{example}));
  window()->docks()->show(window()->norms());
  // Lit in the histogram and, as different pixels, in the map.
  QTRY_VERIFY(window()->norms()->plot()->graphCount() == 2);
  QCOMPARE(window()->norms()->plot()->graph(1)->dataCount(), 1);
  const QImage with = window()->layers()->map()->grab().toImage();
  controller()->selection()->clear();
  QVERIFY(with != window()->layers()->map()->grab().toImage());
  QCOMPARE(window()->norms()->plot()->graph(1)->dataCount(), 0);
  QVERIFY(!table->selectionModel()->hasSelection());
  // From the map, with the keyboard.
  window()->layers()->map()->setFocus();
  QTest::keyClick(window()->layers()->map(), Qt::Key_Right);
  QCOMPARE(controller()->selection()->examples().size(), std::size_t{1});
  QCOMPARE(table->selectionModel()->selectedRows().size(), 1);
  // From the histogram: a rectangle adds all that lies in it.
  emit window()->norms()->plot()->rectangleSelected(QRectF(-100, 0, 1000, 100));
  QCOMPARE(static_cast<Index>(controller()->selection()->examples().size()), record().batchSize());
  QCOMPARE(static_cast<Index>(table->selectionModel()->selectedRows().size()),
           record().batchSize());
  QTest::keyClick(window()->norms()->plot(), Qt::Key_Escape);
  QVERIFY(controller()->selection()->isEmpty());
  // It survives a step, for examples that are drawn again.
  controller()->selection()->select(example);
  controller()->step();
  settle();
  QCOMPARE(controller()->selection()->examples(), (std::vector<Index>{example}));
}

/// From bar to bar with Shift and the arrows: each bar's examples, all of them once.
void TestPanels::barsByKeyboard() {
  const auto walk = [this](QWidget* plot, const char* name) {
    plot->setFocus();
    std::vector<Index> seen, before;
    for (int press = 0; press < 500; ++press) {
      QTest::keyClick(plot, Qt::Key_Right, Qt::ShiftModifier);
      const auto now = controller()->selection()->examples();
      if (now == before) break;
      QVERIFY2(!now.empty(), name);
      seen.insert(seen.end(), now.begin(), now.end());
      before = now;
    }
    std::ranges::sort(seen);
    QCOMPARE(seen, record().sample->examples);
    QTest::keyClick(plot, Qt::Key_Left, Qt::ShiftModifier);
    QVERIFY2(controller()->selection()->examples() != before, name);
    controller()->selection()->clear();
  };
  window()->docks()->show(window()->norms());
  walk(window()->norms()->plot(), "norms");
  window()->docks()->show(window()->clipFactors());
  walk(window()->clipFactors()->plot(), "factors");
}

void TestPanels::cellsSayTheirFormula() {
  window()->docks()->show(window()->examples());
  const ExamplesModel* model = window()->examples()->model();
  for (int row = 0; row < model->rowCount(); ++row) {
    const auto tip = [&](int column) {
      return model->index(row, column).data(Qt::ToolTipRole).toString();
    };
    const auto value = [&](int column) {
      return shortNumber(model->index(row, column).data(Qt::UserRole).toDouble());
    };
    QVERIFY(tip(ExamplesModel::Factor)
                .contains(QStringLiteral("= %1 / %2 = ")
                              .arg(value(ExamplesModel::ClippedNorm), value(ExamplesModel::Norm))));
    const auto& drawn = record().sample->examples;
    const auto at = std::ranges::find(drawn, model->exampleAt(row)) - drawn.begin();
    QVERIFY(tip(ExamplesModel::Norm)
                .contains(QStringLiteral("√(") + shortNumber(record().norms->norms.at(at, 0)) +
                          QStringLiteral("² + ")));
    QVERIFY(tip(ExamplesModel::ClippedNorm).contains(value(ExamplesModel::Factor)));
    QVERIFY(tip(ExamplesModel::Loss).startsWith(QStringLiteral("L_i")));
    QVERIFY(!tip(ExamplesModel::Label).isEmpty());
  }
}

void TestPanels::headsFitTheirColumns() {
  QTableView* table = window()->examples()->table();
  QFont bold = table->font();
  bold.setBold(true);
  for (int c = 0; c + 1 < table->model()->columnCount(); ++c) {
    if (table->isColumnHidden(c)) continue;
    const QString head = table->model()->headerData(c, Qt::Horizontal).toString();
    // Padded by 8 and 3 in the style sheet, and by the style's own margin of 4 on either side.
    QVERIFY2(QFontMetrics(bold).horizontalAdvance(head) + 19 <= table->columnWidth(c),
             qPrintable(head));
  }
}

void TestPanels::exportsAreWholeOrNotThere() {
  const Folder folder;
  int files = 0;
  for (Panel* panel : window()->docks()->panels()) {
    const std::string name = panel->fileName().toStdString();
    const auto path = [&](const char* kind) {
      return QString::fromStdString((folder / (name + kind)).string());
    };
    // Also of panels that no screen shows.
    QVERIFY(panel->exportTo(path(".csv")));
    const QSize size = panelSize(*panel);  // the message about it takes a line from the panels
    QVERIFY(panel->exportTo(path(".png"), 3));
    QCOMPARE(QImage(path(".png")).size(), size * 3);
    QVERIFY(panel->exportTo(path(".svg")));
    QVERIFY(panel->exportTo(path(".pdf")));
    files += 4;
    const QByteArray svg = QByteArray::fromStdString(readAll(folder / (name + ".svg")));
    QVERIFY2(QSvgRenderer(svg).isValid(), name.c_str());
    QVERIFY2(svg.contains(panel->title().toUtf8()), name.c_str());  // text is text
    QVERIFY(readAll(folder / (name + ".pdf")).starts_with("%PDF-1."));
    QVERIFY2(readAll(folder / (name + ".csv")).find('\n') != std::string::npos, name.c_str());
    QVERIFY(window()->messages()->text().contains("not private"));
    QVERIFY(!panel->exportTo("/proc/none/x.png"));
    QVERIFY(window()->messages()->isError() &&
            window()->messages()->text().contains("/proc/none/x.png"));
    QVERIFY(!panel->exportTo(QString::fromStdString((folder / "x.bmp").string())));
  }
  QCOMPARE(countFiles(folder.path()), files);
}

void TestPanels::contextMenuIsEverywhere() {
  QWidget* const places[] = {window()->norms()->plot(), window()->layers()->map(),
                             window()->norms(), window()->examples()->table()->viewport()};
  for (QWidget* place : places) {
    if (place == window()->examples()->table()->viewport())
      window()->docks()->show(window()->examples());
    QStringList entries;
    QTimer::singleShot(0, this, [&] {
      auto* menu = qobject_cast<QMenu*>(QApplication::activePopupWidget());
      if (!menu) return;
      for (const QAction* action : menu->actions()) entries << action->text();
      menu->close();
    });
    QContextMenuEvent event(QContextMenuEvent::Mouse, QPoint(40, 40),
                            place->mapToGlobal(QPoint(40, 40)));
    QApplication::sendEvent(place, &event);
    QTest::qWait(1);
    QVERIFY2(entries.contains("Export SVG…") && entries.contains("Copy data"),
             place->metaObject()->className());
  }
}

void TestPanels::themesReachThePlots() {
  const QImage light = window()->norms()->grab().toImage();
  applyTheme(*qApp, ThemeChoice::Dark);
  QTest::qWait(50);
  const QImage dark = window()->norms()->grab().toImage();
  QVERIFY(qGray(light.pixel(light.width() / 2, light.height() / 3)) > 200);
  QVERIFY(qGray(dark.pixel(dark.width() / 2, dark.height() / 3)) < 80);
  applyTheme(*qApp, ThemeChoice::Light);
  QTest::qWait(50);
}

void TestPanels::everythingHasAName() {
  for (const QWidget* widget : window()->findChildren<QWidget*>()) {
    const bool interactive =
        qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QLineEdit*>(widget) ||
        qobject_cast<const QComboBox*>(widget) || qobject_cast<const Plot*>(widget);
    if (!interactive || !widget->isVisible()) continue;
    const auto* button = qobject_cast<const QAbstractButton*>(widget);
    QVERIFY2(!widget->accessibleName().isEmpty() || (button && !button->text().isEmpty()),
             widget->metaObject()->className());
  }
}

QTEST_MAIN(TestPanels)
#include "test_panels.moc"
