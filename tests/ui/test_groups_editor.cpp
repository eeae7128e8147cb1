// SPDX-License-Identifier: GPL-3.0-or-later
#include <QButtonGroup>
#include <QComboBox>
#include <QDropEvent>
#include <QLabel>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <cmath>

#include "engine/error.h"
#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"
#include "tests/ui/window_test.h"
#include "ui/editors/groups_editor.h"
#include "ui/editors/groups_tree.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/message_bar.h"

using namespace clipscope;
using namespace clipscope::test;

/// The editor of custom groups, from the dock's segment to the step that clips by them.
class TestGroupsEditor : public WindowTest {
  Q_OBJECT

 private:
  /// Presses Custom in the dock; the editor that opens.
  GroupsEditor* open() {
    QAbstractButton* custom = window()->dock()->grouping()->button(3);
    if (!custom->isVisible()) return nullptr;
    custom->click();
    auto* editor = window()->findChild<GroupsEditor*>();
    if (editor && !QTest::qWaitForWindowActive(editor)) return nullptr;
    return editor;
  }
  static QTreeWidgetItem* tensor(GroupsEditor* editor, Index number) {
    for (int k = 0; k < editor->tree()->topLevelItemCount(); ++k) {
      QTreeWidgetItem* group = editor->tree()->topLevelItem(k);
      for (int c = 0; c < group->childCount(); ++c)
        if (group->child(c)->data(0, GroupsTree::tensorRole).toLongLong() == number)
          return group->child(c);
    }
    return nullptr;
  }
  /// Drags tensors onto a row, as the view's own drag would: its mime data, and the three events.
  static bool drag(GroupsEditor* editor, const std::vector<Index>& tensors, QTreeWidgetItem* onto) {
    GroupsTree* tree = editor->tree();
    tree->clearSelection();
    QModelIndexList indexes;
    for (const Index t : tensors) {
      tensor(editor, t)->setSelected(true);
      indexes << tree->indexFromItem(tensor(editor, t));
    }
    const std::unique_ptr<QMimeData> mime(tree->model()->mimeData(indexes));
    const QPoint at = tree->visualItemRect(onto).center();
    QDragEnterEvent enter(at, Qt::MoveAction, mime.get(), Qt::LeftButton, {});
    QApplication::sendEvent(tree->viewport(), &enter);
    QDragMoveEvent move(at, Qt::MoveAction, mime.get(), Qt::LeftButton, {});
    QApplication::sendEvent(tree->viewport(), &move);
    if (!move.isAccepted()) return false;
    QDropEvent drop(at, Qt::MoveAction, mime.get(), Qt::LeftButton, {});
    QApplication::sendEvent(tree->viewport(), &drop);
    return true;
  }

 private slots:
  void startsPerLayerAndCancelChangesNothing();
  void dragOkAndClip();
  void menuAndKeys();
  void emptyGroupsAndNamesAreRefused();
  void thresholdsOfTheirOwn();
  void figuresAreTheRecords();
  void startsAndSharedTensors();
  void reopenedWithItsGroups();
};

void TestGroupsEditor::startsPerLayerAndCancelChangesNothing() {
  QVERIFY(controller()->experiment().clipping.groups.empty());
  GroupsEditor* editor = open();
  QVERIFY(editor && editor->isVisible());
  QCOMPARE(editor->tree()->topLevelItemCount(), 3);
  QCOMPARE(editor->tree()->topLevelItem(0)->text(0), "fc1");
  QCOMPARE(editor->tree()->topLevelItem(0)->childCount(), 2);
  QVERIFY(editor->okButton()->isEnabled() && editor->problem()->text().isEmpty());
  // The segment shows what holds, not what was only looked at.
  QVERIFY(window()->dock()->grouping()->button(0)->isChecked());
  QTest::keyClick(editor, Qt::Key_Escape);
  QVERIFY(controller()->experiment() == small());
}

void TestGroupsEditor::dragOkAndClip() {
  GroupsEditor* editor = open();
  QVERIFY(editor);
  // fc1.bias into fc3's group, then fc2's two: fc2 is empty and goes.
  QVERIFY(drag(editor, {1}, editor->tree()->topLevelItem(2)));
  QCOMPARE(editor->draft().groups()[2].tensors, (std::vector<Index>{1, 4, 5}));
  QCOMPARE(editor->draft().groups()[0].tensors, (std::vector<Index>{0}));
  // Onto a tensor means: into its group.
  QVERIFY(drag(editor, {2, 3}, tensor(editor, 0)));
  QCOMPARE(editor->draft().groups()[0].tensors, (std::vector<Index>{0, 2, 3}));
  QVERIFY(!editor->okButton()->isEnabled());
  QVERIFY(editor->problem()->text().contains("\"fc2\" is empty"));
  editor->tree()->setCurrentItem(editor->tree()->topLevelItem(1));
  // The offscreen platform leaves the window below active.
  QApplication::setActiveWindow(editor);
  editor->tree()->setFocus();
  QVERIFY(editor->tree()->hasFocus());
  QTest::keyClick(editor->tree(), Qt::Key_Delete);
  QCOMPARE(editor->draft().groups().size(), std::size_t{2});
  QVERIFY(editor->okButton()->isEnabled());
  // Nothing of another kind is taken.
  QMimeData text;
  text.setText("0");
  QDropEvent strange(editor->tree()->visualItemRect(editor->tree()->topLevelItem(1)).center(),
                     Qt::MoveAction, &text, Qt::LeftButton, {});
  QApplication::sendEvent(editor->tree()->viewport(), &strange);
  QCOMPARE(editor->draft().groups()[0].tensors, (std::vector<Index>{0, 2, 3}));
  QTest::mouseClick(editor->okButton(), Qt::LeftButton);
  settle();
  QVERIFY(controller()->experiment().clipping.grouping == GroupingKind::Custom);
  QVERIFY(window()->dock()->grouping()->button(3)->isChecked());
  controller()->step();
  controller()->advanceTo(Phase::Clip);
  settle();
  QCOMPARE(record().clip->groups.size(), std::size_t{2});
  QCOMPARE(record().clip->groups[0].tensors, (std::vector<Index>{0, 2, 3}));
  QCOMPARE(record().clip->groups[1].tensors, (std::vector<Index>{1, 4, 5}));
  QVERIFY(std::abs(record().clip->groups[0].threshold - 3 / std::sqrt(2.0)) < 1e-12);
  QVERIFY(!window()->messages()->isError());
}

void TestGroupsEditor::menuAndKeys() {
  GroupsEditor* editor = open();
  QVERIFY(editor);
  editor->tree()->clearSelection();
  QVERIFY(!editor->moveButton()->isEnabled());
  editor->tree()->setCurrentItem(tensor(editor, 1));
  QVERIFY(editor->moveButton()->isEnabled());
  QStringList entries;
  for (const QAction* action : editor->moveMenu()->actions())
    if (!action->isSeparator()) entries << action->text();
  QCOMPARE(entries, (QStringList{"fc1", "fc2", "fc3", "New group"}));
  editor->moveMenu()->actions()[1]->trigger();
  QCOMPARE(editor->draft().groups()[1].tensors, (std::vector<Index>{1, 2, 3}));
  // What was moved is still selected; once more, into a new group.
  QCOMPARE(editor->tree()->selectedTensors(), (std::vector<Index>{1}));
  editor->moveMenu()->actions().last()->trigger();
  QCOMPARE(editor->draft().groups().size(), std::size_t{4});
  QCOMPARE(editor->draft().groups()[3].tensors, (std::vector<Index>{1}));
  QTest::keyClick(editor->tree(), Qt::Key_N, Qt::ControlModifier);
  QCOMPARE(editor->draft().groups().size(), std::size_t{5});
  QVERIFY(!editor->okButton()->isEnabled());
  // Rename by F2, typed in place.
  editor->tree()->setFocus();
  editor->tree()->setCurrentItem(editor->tree()->topLevelItem(4));
  QTest::keyClick(editor->tree(), Qt::Key_F2);
  auto* field = editor->tree()->findChild<QLineEdit*>();
  QVERIFY(field);
  field->selectAll();
  QTest::keyClicks(field, "the last");
  QTest::keyClick(field, Qt::Key_Return);
  QTRY_COMPARE(editor->draft().groups()[4].name, std::string("the last"));
  QTRY_COMPARE(editor->tree()->topLevelItem(4)->text(0), "the last");
  QTest::mouseClick(editor->removeButton(), Qt::LeftButton);
  QCOMPARE(editor->draft().groups().size(), std::size_t{4});
  editor->reject();
}

void TestGroupsEditor::emptyGroupsAndNamesAreRefused() {
  const auto info = record().info;
  GroupsDraft draft(info, {});
  QCOMPARE(draft.groups().size(), std::size_t{3});
  QVERIFY(draft.problem().empty());
  draft.rename(0, "fc2");
  QVERIFY(draft.problem().find("two groups") != std::string::npos);
  draft.rename(0, "");
  QVERIFY(draft.problem().find("no name") != std::string::npos);
  draft.rename(0, "a");
  const std::size_t added = draft.add();
  QVERIFY(draft.problem().find("empty") != std::string::npos);
  draft.move({0, 1, 2, 3, 4, 5}, added);
  draft.remove(0);
  draft.remove(0);
  draft.remove(0);
  QVERIFY(draft.problem().empty());
  draft.remove(0);  // the last one stays
  QCOMPARE(draft.groups().size(), std::size_t{1});
  // However it was moved about, it is a partition.
  QCOMPARE(draft.groups()[0].tensors, (std::vector<Index>{0, 1, 2, 3, 4, 5}));
}

void TestGroupsEditor::thresholdsOfTheirOwn() {
  GroupsEditor* editor = open();
  QVERIFY(editor);
  editor->rule()->setCurrentIndex(
      editor->rule()->findData(static_cast<int>(ThresholdRule::Custom)));
  QVERIFY(editor->okButton()->isEnabled());
  const auto type = [&](int group, const QString& text) {
    QTreeWidgetItem* item = editor->tree()->topLevelItem(group);
    editor->tree()->setFocus();
    editor->tree()->setCurrentItem(item, GroupsTree::Threshold);
    QTest::keyClick(editor->tree(), Qt::Key_F2);
    auto* field = editor->tree()->findChild<QLineEdit*>();
    if (!field) return false;
    field->selectAll();
    QTest::keyClicks(field, text);
    QTest::keyClick(field, Qt::Key_Return);
    // The next one types into a field of its own, not into this one as it goes, and after the tree
    // has been filled anew.
    const bool isGone = QTest::qWaitFor([&] { return !editor->tree()->findChild<QLineEdit*>(); });
    QTest::qWait(100);
    return isGone;
  };
  QVERIFY(type(0, "0.25"));
  QVERIFY(type(1, "1e-1"));
  QVERIFY(type(2, "2"));
  QVERIFY(editor->okButton()->isEnabled());
  for (const char* bad : {"0", "-1", "x", "nan"}) {
    QVERIFY(type(1, bad));
    QVERIFY2(!editor->okButton()->isEnabled(), bad);
    QVERIFY(editor->problem()->text().contains("\"fc2\""));
  }
  QVERIFY(type(1, "0.5"));
  QTest::mouseClick(editor->okButton(), Qt::LeftButton);
  settle();
  controller()->step();
  controller()->advanceTo(Phase::Clip);
  settle();
  const double expected[] = {0.25, 0.5, 2};
  for (std::size_t k = 0; k < 3; ++k) QCOMPARE(record().clip->groups[k].threshold, expected[k]);
}

void TestGroupsEditor::figuresAreTheRecords() {
  const StepRecord& r = record();
  GroupsDraft draft(r.info, {});
  draft.startFrom(GroupsDraft::Start::WeightsAndBiases);
  QCOMPARE(draft.groups().size(), std::size_t{2});
  for (std::size_t k = 0; k < 2; ++k) {
    std::vector<double> norms;
    Index d = 0;
    for (const Index t : draft.groups()[k].tensors) {
      d += r.info->sizes[static_cast<std::size_t>(t)];
      QCOMPARE(r.info->tensors[static_cast<std::size_t>(t)].ends_with(".bias"), k == 1);
    }
    for (Index i = 0; i < r.batchSize(); ++i) {
      double squares = 0;
      for (const Index t : draft.groups()[k].tensors)
        squares += r.norms->norms.at(i, t) * r.norms->norms.at(i, t);
      norms.push_back(std::sqrt(squares));
    }
    std::sort(norms.begin(), norms.end());
    const std::size_t n = norms.size();
    const double median = (norms[(n - 1) / 2] + norms[n / 2]) / 2;
    QCOMPARE(draft.dimension(k), d);
    QVERIFY(std::abs(draft.medianNorm(draft.groups()[k].tensors, r) - median) <= 1e-12 * median);
  }
  draft.setRule(ThresholdRule::SqrtDimension);
  const auto thresholds = draft.thresholds(r);
  QVERIFY(std::abs(thresholds[0] / thresholds[1] -
                   std::sqrt(static_cast<double>(draft.dimension(0)) /
                             static_cast<double>(draft.dimension(1)))) < 1e-9);
}

void TestGroupsEditor::startsAndSharedTensors() {
  GroupsEditor* editor = open();
  QVERIFY(editor);
  const std::size_t counts[] = {1, 3, 6, 2};
  for (int k = 0; k < 4; ++k) {
    editor->startMenu()->actions()[k]->trigger();
    QCOMPARE(editor->draft().groups().size(), counts[k]);
    QCOMPARE(editor->tree()->topLevelItemCount(), static_cast<int>(counts[k]));
    QVERIFY(editor->okButton()->isEnabled());
  }
  editor->reject();
  // A weight that two layers share is one tensor: one row, and its size counts once.
  Experiment e = smallExperiment();
  e.model.spec = nlohmann::json::parse(R"({"layers": [
    {"type": "linear", "name": "a", "out": 7}, {"type": "tanh"},
    {"type": "reuse", "layer": "a"},
    {"type": "linear", "name": "c", "out": 3}]})");
  std::unique_ptr<Trainer> trainer;
  try {
    trainer = std::make_unique<Trainer>(e, smallData());
  } catch (const Error& error) {
    QFAIL(error.what());
  }
  GroupsDraft draft(trainer->record()->info, {});
  draft.startFrom(GroupsDraft::Start::Flat);
  QCOMPARE(draft.dimension(0), trainer->record()->info->dimension);
  QCOMPARE(draft.dimension(0), Index{7 * 7 + 7 + 7 * 3 + 3});
}

void TestGroupsEditor::reopenedWithItsGroups() {
  Experiment e = small();
  e.clipping.grouping = GroupingKind::Custom;
  e.clipping.groups = {{"mine", {"fc2.weight", "fc1.weight"}},
                       {"yours", {"fc1.bias", "fc2.bias", "fc3.weight", "fc3.bias"}}};
  controller()->openExperiment(e);
  settle();
  GroupsEditor* editor = open();
  QVERIFY(editor);
  QCOMPARE(editor->tree()->topLevelItem(0)->text(0), "mine");
  QCOMPARE(editor->draft().groups()[0].tensors, (std::vector<Index>{0, 2}));
  editor->reject();
  // Groups of another model: what fits is kept, what is left over is a group too.
  ClippingSettings strange;
  strange.groups = {{"mine", {"fc1.weight", "conv9.weight"}}, {"gone", {"conv9.bias"}}};
  GroupsDraft draft(record().info, strange);
  QCOMPARE(draft.groups().size(), std::size_t{2});
  QCOMPARE(draft.groups()[1].name, std::string("others"));
  QCOMPARE(draft.groups()[1].tensors.size(), std::size_t{5});
  QVERIFY(draft.problem().empty());
}

QTEST_MAIN(TestGroupsEditor)
#include "test_groups_editor.moc"
