// SPDX-License-Identifier: GPL-3.0-or-later
#include <QButtonGroup>
#include <QLabel>
#include <QListView>
#include <QPushButton>
#include <QUndoStack>

#include "engine/model/model.h"
#include "tests/ui/window_test.h"
#include "ui/editors/data_model.h"
#include "ui/editors/data_panel.h"
#include "ui/editors/editors.h"
#include "ui/editors/layer_tree.h"
#include "ui/editors/layer_tree_model.h"
#include "ui/editors/model_editor.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"

using namespace clipscope;
using namespace clipscope::test;
using nlohmann::json;

namespace {
bool sameSpec(const json& a, const json& b) { return a == b; }
}  // namespace

/// Model editor and data browser inside the window: opened from the dock, and what they hand over
/// is what is trained.
class TestEditors : public WindowTest {
  Q_OBJECT

 private slots:
  void okRestartsWithTheModel();
  void cancelDrops();
  void browseOpensTheData();
};

void TestEditors::okRestartsWithTheModel() {
  QTest::mouseClick(window()->dock()->editModelButton(), Qt::LeftButton);
  ModelEditor* editor = window()->editors()->modelEditor();
  QVERIFY(editor && QTest::qWaitForWindowExposed(editor));
  QVERIFY(!editor->isModal());
  QVERIFY(sameSpec(editor->spec(), controller()->session()->model->spec()));
  editor->tree()->setCurrentIndex(editor->model()->indexOf("/layers/1"));
  editor->addLayer(QStringLiteral("residual"));
  QVERIFY2(editor->report().sound(), editor->report().error.c_str());
  const json wanted = editor->spec();
  QTest::mouseClick(editor->okButton(), Qt::LeftButton);
  QVERIFY(!editor->isVisible());
  // Asked first, trained afterwards.
  QVERIFY(window()->messages()->isVisible());
  QVERIFY(window()->messages()->text().contains("restart"));
  QVERIFY(controller()->session()->model->spec() != wanted);
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QVERIFY(sameSpec(controller()->session()->model->spec(), wanted));
  QVERIFY(sameSpec(controller()->experiment().model.spec, wanted));
  QVERIFY(controller()->experiment().model.preset.empty());
  QVERIFY(record().completed == Phase::Clip);
  const auto tensors = record().info->tensors;
  QVERIFY(std::find(tensors.begin(), tensors.end(), "fc2.weight") != tensors.end());

  // Back to the preset by its name.
  window()->editors()->editModel();
  editor->startFrom(QStringLiteral("mlp"));
  QTest::mouseClick(editor->okButton(), Qt::LeftButton);
  QTest::mouseClick(window()->messages()->actionButton(), Qt::LeftButton);
  settle();
  QCOMPARE(controller()->experiment().model.preset, "mlp");
  QVERIFY(controller()->experiment().model.spec.is_null());
}

void TestEditors::cancelDrops() {
  window()->editors()->editModel();
  ModelEditor* editor = window()->editors()->modelEditor();
  const json before = editor->spec();
  editor->addLayer(QStringLiteral("relu"));
  QTest::mouseClick(editor->cancelButton(), Qt::LeftButton);
  QVERIFY(!editor->isVisible());
  QVERIFY(!window()->messages()->isVisible());
  QVERIFY(sameSpec(controller()->session()->model->spec(), before));
  window()->editors()->editModel();
  QVERIFY(sameSpec(editor->spec(), before));
  QVERIFY(!editor->undoStack()->canUndo());
  // OK without a change asks for nothing.
  QTest::mouseClick(editor->okButton(), Qt::LeftButton);
  QVERIFY(!window()->messages()->isVisible());
}

void TestEditors::browseOpensTheData() {
  DataPanel* panel = window()->data();
  QVERIFY(!window()->docks()->isShown(panel));
  QTest::mouseClick(window()->dock()->browseButton(), Qt::LeftButton);
  QTRY_VERIFY(window()->docks()->isShown(panel));
  QVERIFY(panel->grid()->isVisible());
  QCOMPARE(panel->model()->rowCount(), 400);
  QVERIFY(panel->summary().contains(window()->dock()->classLine()->text()));
  // The batch of the step under way, and of the next.
  QTest::mouseClick(panel->parts()->button(3), Qt::LeftButton);
  for (int k = 0; k < 3; ++k) {
    const auto& examples = record().sample->examples;
    QCOMPARE(panel->model()->rowCount(), static_cast<int>(examples.size()));
    for (const Index i : examples) QVERIFY(panel->model()->rowOf(i) >= 0);
    controller()->step();
    settle();
    controller()->nextPhase();
    settle();
  }
  // A click here is a selection everywhere.
  QTest::mouseClick(panel->grid()->viewport(), Qt::LeftButton, {},
                    panel->grid()->visualRect(panel->model()->index(0, 0)).center());
  QCOMPARE(controller()->selection()->current(), panel->model()->exampleAt(0));
  // Other data, other examples.
  Experiment other = small();
  other.data.digits.count = 300;
  controller()->openExperiment(other);
  settle();
  QCOMPARE(panel->model()->rowCount(), 300);
}

QTEST_MAIN(TestEditors)
#include "test_editors.moc"
