// SPDX-License-Identifier: GPL-3.0-or-later
#include <QLabel>
#include <QPushButton>
#include <QTableView>
#include <QTableWidget>
#include <QTemporaryDir>
#include <QToolButton>

#include "tests/support/library_recording.h"
#include "tests/ui/window_test.h"
#include "ui/panels/examples_model.h"
#include "ui/panels/examples_panel.h"
#include "ui/panels/history_panel.h"
#include "ui/panels/lint_panel.h"
#include "ui/panels/microscope_model.h"
#include "ui/panels/microscope_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/planner_panel.h"
#include "ui/window/dock/library_section.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;

/// Runs of another library in the real window: looked at, followed, not gone on with.
class TestLibraryWindow : public WindowTest {
  Q_OBJECT

 private slots:
  void isLookedAt();
  void isFollowedWhileItTrains();
  void ranksHaveAColumn();
  void withoutNumbersOfExamples();
  void andBackToARunOfOnesOwn();

 private:
  /// A run of `count` steps, and the recording of its first `written`.
  std::filesystem::path write(const QTemporaryDir& folder, int count, std::size_t written) {
    m_experiment = small();
    m_experiment.run.evaluateEvery = 0;
    Trainer trainer(m_experiment, loadDataset(m_experiment.data));
    m_records = steps(trainer, count);
    const std::filesystem::path path =
        folder.filePath(QStringLiteral("run.clipscope")).toStdString();
    RecordingWriter writer(path, recordedMeta, *m_records.front()->info, m_experiment);
    for (std::size_t k = 0; k < written; ++k) writer.add(0, m_records[k]);
    writer.close();
    return path;
  }
  void open(const std::filesystem::path& path) {
    controller()->openPath(QString::fromStdString(path.string()));
    settle();
  }
  LibrarySection* section() { return window()->findChild<ExperimentDock*>()->library(); }
  template <class P>
  P* panel() {
    auto* found = window()->findChild<P*>();
    window()->docks()->show(found);
    return found;
  }

  Experiment m_experiment;
  std::vector<std::shared_ptr<const StepRecord>> m_records;
};

void TestLibraryWindow::isLookedAt() {
  const QTemporaryDir folder;
  const auto path = write(folder, 5, 5);
  makeLibraryRun(path);
  open(path);
  QVERIFY(controller()->isReadOnly());
  QCOMPARE(record().step, Index{5});
  QVERIFY(record().info->library);
  QVERIFY(section()->isVisible());
  QCOMPARE(section()->value(QStringLiteral("Trains in")),
           QStringLiteral("Opacus 1.4.0, PyTorch 1.13.1"));
  QCOMPARE(section()->value(QStringLiteral("Batch drawn")),
           QStringLiteral("%1 / 40.00 expected").arg(m_records[4]->batchSize()));
  QCOMPARE(section()->value(QStringLiteral("C")), QStringLiteral("3.000"));
  QVERIFY(section()->ranks()->isHidden());
  // Stepping is not there, and it is said why.
  for (QPushButton* button : window()->findChildren<QPushButton*>()) {
    if (button->text() != QStringLiteral("Run") && button->text() != QStringLiteral("Next phase"))
      continue;
    QVERIFY(!button->isEnabled());
    QVERIFY2(button->toolTip().contains(QStringLiteral("it trains in Opacus 1.4.0")),
             qPrintable(button->toolTip()));
  }
  QVERIFY(window()->findChild<MessageBar*>()->text().contains(QStringLiteral("Opacus 1.4.0")));
  // The panels that need records only.
  auto* examples = panel<ExamplesPanel>();
  auto* table = examples->findChild<QTableView*>(QStringLiteral("examplesTable"));
  QCOMPARE(table->model()->rowCount(), static_cast<int>(m_records[4]->batchSize()));
  QVERIFY(table->isColumnHidden(ExamplesModel::Rank));
  auto* microscope = panel<MicroscopePanel>();
  Index draws = 0;
  for (const auto& step : m_records) draws += step->batchSize();
  QTRY_VERIFY(microscope->table()->model()->rowCount() > 0);
  Index shown = 0;
  for (int row = 0; row < microscope->model()->rowCount(); ++row)
    shown += microscope->model()
                 ->index(row, MicroscopeModel::Draws)
                 .data(Qt::DisplayRole)
                 .toString()
                 .toLongLong();
  QCOMPARE(shown, draws);
  // Labels are known from the records alone.
  microscope->setView(MicroscopePanel::View::Classes);
  Index byClass = 0;
  for (int row = 0; row < microscope->classes()->rowCount(); ++row)
    byClass += microscope->classes()->item(row, 2)->text().toLongLong();
  QCOMPARE(byClass, draws);
  auto* lint = panel<LintPanel>();
  QVERIFY(lint->csv().contains(QStringLiteral("\nrecorder,passed,")));
  for (const QToolButton* button : lint->findChildren<QToolButton*>())
    if (button->text() == QStringLiteral("Setting ›")) QVERIFY(button->isHidden());
  // The plan is as long as the run has come.
  const auto* planner = panel<PlannerPanel>();
  QTRY_VERIFY2(planner->summary().contains(QStringLiteral("5 steps")),
               qPrintable(planner->summary()));
  // Through its steps, as recorded.
  controller()->goToStep(2);
  settle();
  QCOMPARE(record().step, Index{2});
  QCOMPARE(record().clip->signal, m_records[1]->clip->signal);
  QCOMPARE(section()->value(QStringLiteral("Batch drawn")),
           QStringLiteral("%1 / 40.00 expected").arg(m_records[1]->batchSize()));
}

void TestLibraryWindow::isFollowedWhileItTrains() {
  const QTemporaryDir folder;
  const auto path = write(folder, 6, 3);
  makeLibraryRun(path);
  {
    PlainSqlite file(path, SQLITE_OPEN_READWRITE);
    for (int step = 4; step <= 6; ++step)
      file.run("INSERT INTO library_steps VALUES (0, " + std::to_string(step) +
               ", X'0c000000', NULL, X'')");
  }
  const auto writer = RecordingWriter::append(path, {});
  open(path);
  QCOMPARE(controller()->position().knownSteps, Index{3});
  QTRY_VERIFY(controller()->recording().isBeingWritten);
  for (std::size_t k = 3; k < 6; ++k) {
    writer->add(0, m_records[k]);
    writer->flush();
    QTRY_COMPARE_WITH_TIMEOUT(record().step, static_cast<Index>(k + 1), 20000);
    QCOMPARE(controller()->history().steps(), static_cast<Index>(k + 1));
    QCOMPARE(record().noise->realised, m_records[k]->noise->realised);
  }
  // Where one looks at the past it stays there.
  controller()->goToStep(2);
  settle();
  QCOMPARE(record().step, Index{2});
}

void TestLibraryWindow::ranksHaveAColumn() {
  const QTemporaryDir folder;
  const auto path = write(folder, 3, 3);
  writeRanks(path, m_records, m_experiment);
  std::filesystem::remove(path);
  open(path);
  QVERIFY(controller()->isReadOnly());
  QCOMPARE(record().drawn(), m_records[2]->batchSize());
  QVERIFY(section()->ranks()->isVisible());
  QCOMPARE(section()->ranks()->rowCount(), 2);
  const Index first = (m_records[2]->batchSize() + 1) / 2;
  QCOMPARE(section()->ranks()->item(0, 1)->text(), QString::number(first));
  QCOMPARE(section()->ranks()->item(1, 1)->text(),
           QString::number(m_records[2]->batchSize() - first));
  auto* table = panel<ExamplesPanel>()->findChild<QTableView*>(QStringLiteral("examplesTable"));
  QVERIFY(!table->isColumnHidden(ExamplesModel::Rank));
  for (int row = 0; row < table->model()->rowCount(); ++row) {
    const Index example =
        table->model()->index(row, ExamplesModel::Example).data(Qt::UserRole).toLongLong();
    const auto& drawn = m_records[2]->sample->examples;
    const auto at = std::ranges::find(drawn, example) - drawn.begin();
    QCOMPARE(table->model()->index(row, ExamplesModel::Rank).data().toString(),
             QString::number(at % 2));
  }
}

void TestLibraryWindow::withoutNumbersOfExamples() {
  const QTemporaryDir folder;
  const auto path = write(folder, 3, 3);
  makeLibraryRun(path);
  {
    PlainSqlite file(path, SQLITE_OPEN_READWRITE);
    file.run("UPDATE meta SET value = '0' WHERE key = 'examples_known'");
  }
  open(path);
  auto* microscope = panel<MicroscopePanel>();
  QCOMPARE(microscope->table()->model()->rowCount(), 0);
  QVERIFY(microscope->findChild<QLabel*>(QStringLiteral("empty"))
              ->text()
              .contains(QStringLiteral("data_loader")));
}

void TestLibraryWindow::andBackToARunOfOnesOwn() {
  const QTemporaryDir folder;
  const auto path = write(folder, 3, 3);
  makeLibraryRun(path);
  open(path);
  QVERIFY(section()->isVisible());
  controller()->openExperiment(small());
  settle();
  QVERIFY(!section()->isVisible());
  QVERIFY(!controller()->isReadOnly());
  for (QPushButton* button : window()->findChildren<QPushButton*>())
    if (button->text() == QStringLiteral("Next phase")) {
      QVERIFY(button->isEnabled());
      QVERIFY(!button->toolTip().contains(QStringLiteral("Opacus")));
    }
}

QTEST_MAIN(TestLibraryWindow)
#include "test_library_window.moc"
