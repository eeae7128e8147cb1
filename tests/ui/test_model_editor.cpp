// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractItemModelTester>
#include <QAction>
#include <QApplication>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QMenu>
#include <QMimeData>
#include <QPushButton>
#include <QTest>
#include <QUndoStack>
#include <functional>

#include "engine/error.h"
#include "engine/model/layers/registry.h"
#include "engine/model/model.h"
#include "engine/model/presets.h"
#include "ui/editors/field_edit.h"
#include "ui/editors/layer_form.h"
#include "ui/editors/layer_tree.h"
#include "ui/editors/layer_tree_model.h"
#include "ui/editors/model_editor.h"
#include "ui/theme.h"

using namespace clipscope;
using nlohmann::json;

namespace {

/// QCOMPARE knows nothing of JSON.
bool same(const json& got, const json& wanted) {
  if (got != wanted) qWarning() << got.dump().c_str() << "is not" << wanted.dump().c_str();
  return got == wanted;
}

}  // namespace

/// The model editor driven by keys, clicks and drops: what it shows is what the engine says of the
/// spec, and what it hands over is what the engine then trains.
class TestModelEditor : public QObject {
  Q_OBJECT

 private slots:
  void initTestCase() { applyTheme(*qApp, ThemeChoice::Light); }
  void movesKeepEveryOtherLayer();
  void rowsAreTheEnginesLines();
  void addsEveryKind_data();
  void addsEveryKind();
  void typingChangesTheSpec();
  void wrongValuesAreSaidInPlace();
  void everyFieldHasAWidget();
  void keysOnTheTree();
  void dropsIntoAndOutOfBlocks();
  void batchNormIsRefused();
  void freezing();
  void namesFollow();
  void lossAndTotals();
  void presetsAndUndo();
  void okHandsOverTheSpec();

 private:
  static json sample() {
    return json::parse(R"({"layers":[{"type":"conv2d","name":"a","out_channels":4,"kernel":3},
      {"type":"residual","name":"r","layers":[{"type":"relu","name":"b"},
        {"type":"residual","name":"q","layers":[{"type":"conv2d","name":"c","out_channels":4,
          "kernel":3,"padding":1},{"type":"tanh","name":"d"}]}],
       "shortcut":[{"type":"conv2d","name":"e","out_channels":4,"kernel":1}]},
      {"type":"flatten","name":"f"},{"type":"linear","name":"g","out":3}]})");
  }
  struct Editor : ModelEditor {
    explicit Editor(const json& spec, const Shape& input = {2, 8, 8},
                    TargetKind targets = {true, 3}) {
      new QAbstractItemModelTester(model(), QAbstractItemModelTester::FailureReportingMode::QtTest,
                                   this);
      setData(input, targets);
      setSpec(spec);
      show();
      if (!QTest::qWaitForWindowExposed(this)) qFatal("the editor does not open");
    }
    void select(const std::string& pointer) {
      const QModelIndex index = model()->indexOf(pointer);
      QVERIFY(index.isValid());
      QTest::mouseClick(tree()->viewport(), Qt::LeftButton, {}, tree()->visualRect(index).center());
      QCOMPARE(model()->pointerAt(tree()->currentIndex()), pointer);
    }
    std::string current() { return model()->pointerAt(tree()->currentIndex()); }
    QString cell(const std::string& pointer, int column) {
      return model()->indexOf(pointer, column).data().toString();
    }
    QAction* addAction(const QString& type) { return addMenu()->findChild<QAction*>(type); }
    QLineEdit* edit(const char* field) {
      return qobject_cast<QLineEdit*>(form()->field(QString::fromLatin1(field)));
    }
    /// Replaces a field's text as a person does.
    void type(const char* field, const QString& text) {
      QLineEdit* line = edit(field);
      QVERIFY(line);
      line->setFocus();
      line->selectAll();
      QTest::keyClicks(line, text);
    }
    json at(const char* pointer) { return spec().at(json::json_pointer(pointer)); }
  };
  /// Names in the order of the spec.
  static std::vector<std::string> names(const json& layers) {
    std::vector<std::string> list;
    for (const json& layer : layers) {
      list.push_back(layer.value("name", ""));
      for (const char* inner : {"layers", "shortcut"})
        if (layer.contains(inner))
          for (const std::string& name : names(layer.at(inner))) list.push_back(name);
    }
    return list;
  }
};

void TestModelEditor::movesKeepEveryOtherLayer() {
  const json spec = sample();
  const std::string layers[] = {"/layers/0",
                                "/layers/1",
                                "/layers/1/layers/0",
                                "/layers/1/layers/1",
                                "/layers/1/layers/1/layers/0",
                                "/layers/1/shortcut/0",
                                "/layers/2",
                                "/layers/3"};
  int moves = 0;
  for (const std::string& layer : layers) {
    const json moving = spec.at(json::json_pointer(layer));
    for (const std::string list : {"/layers", "/layers/1/layers", "/layers/1/shortcut",
                                   "/layers/1/layers/1/layers", "/layers/1/layers/1/shortcut"})
      for (int index = 0; index <= layersIn(spec, list); ++index) {
        std::string moved;
        const json after = moveLayer(spec, layer, {list, index}, moved);
        const bool intoItself = list.rfind(layer + "/", 0) == 0;
        if (intoItself) {
          QVERIFY(same(after, spec));
          continue;
        }
        ++moves;
        QVERIFY(same(after.at(json::json_pointer(moved)), moving));
        auto before = names(spec.at("layers")), now = names(after.at("layers"));
        QCOMPARE(before.size(), now.size());
        // The others keep their order.
        const auto inside = names(json::array({moving}));
        const auto without = [&](std::vector<std::string> all) {
          std::erase_if(all, [&](const std::string& name) {
            return std::find(inside.begin(), inside.end(), name) != inside.end();
          });
          return all;
        };
        QCOMPARE(without(before), without(now));
      }
  }
  QVERIFY(moves > 80);
}

void TestModelEditor::rowsAreTheEnginesLines() {
  Editor editor(sample());
  const auto model = Model::fromSpec(sample(), Shape{2, 8, 8});
  for (const LayerDescription& line : model->description()) {
    QCOMPARE(editor.cell(line.path, LayerTreeModel::Layer), QString::fromStdString(line.text));
    QCOMPARE(editor.cell(line.path, LayerTreeModel::Name), QString::fromStdString(line.name));
    QCOMPARE(editor.cell(line.path, LayerTreeModel::Output),
             QString::fromStdString(line.output.toString()));
    const QString count = editor.cell(line.path, LayerTreeModel::Parameters);
    QCOMPARE(count.isEmpty() ? 0 : QString(count).remove(',').toLongLong(), line.parameters);
  }
  QVERIFY(editor.totals()->text().contains(QString::number(model->table().dimension()).right(3)));
  QVERIFY(editor.okButton()->isEnabled());
  // A block's rows: its branch, then its shortcut.
  const QModelIndex block = editor.model()->indexOf("/layers/1");
  QCOMPARE(editor.model()->rowCount(block), 3);
  QVERIFY(editor.model()->index(2, 0, block).data(LayerTreeModel::IsShortcutRole).toBool());
}

void TestModelEditor::addsEveryKind_data() {
  QTest::addColumn<QString>("type");
  for (const LayerKind& kind : layerKinds())
    QTest::newRow(kind.type.c_str()) << QString::fromStdString(kind.type);
}

void TestModelEditor::addsEveryKind() {
  QFETCH(QString, type);
  Editor editor(sample());
  // Behind the first layer an image is at hand, behind the third a row.
  const bool row = type == "linear";
  editor.select(row ? "/layers/2" : "/layers/0");
  QVERIFY(editor.addAction(type));
  editor.addAction(type)->trigger();
  const char* at = row ? "/layers/3" : "/layers/1";
  QVERIFY(same(editor.at(at).at("type"), type.toStdString()));
  QCOMPARE(editor.current(), at);
  QVERIFY(same(editor.at("/layers/0").at("name"), "a"));
  QCOMPARE(layersIn(editor.spec(), "/layers"), 5);
  // What is needed was filled in. A reuse, a row or a small grid may not fit what follows, and then
  // it is what follows that is complained of.
  QVERIFY2(editor.report().errorPath != at || type == "reuse", editor.report().error.c_str());
  editor.undoStack()->undo();
  QVERIFY(same(editor.spec(), sample()));
}

void TestModelEditor::typingChangesTheSpec() {
  Editor editor(sample());
  editor.select("/layers/0");
  QCOMPARE(editor.edit("out_channels")->text(), "4");
  QCOMPARE(editor.edit("stride")->text(), "");
  QCOMPARE(editor.edit("stride")->placeholderText(), "1");
  QCOMPARE(editor.edit("in_channels")->placeholderText(), "as the input");
  editor.select("/layers/3");
  editor.type("out", "125");
  QVERIFY(same(editor.at("/layers/3").at("out"), 125));
  QCOMPARE(editor.cell("/layers/3", LayerTreeModel::Output), "125");
  // One step to undo, not one a key.
  QCOMPARE(editor.undoStack()->count(), 1);
  editor.undoStack()->undo();
  QVERIFY(same(editor.spec(), sample()));

  editor.select("/layers/1/shortcut/0");
  editor.type("padding", "2x1");
  QVERIFY(same(editor.at("/layers/1/shortcut/0/padding"), json({2, 1})));
  QTest::keyClick(editor.edit("padding"), Qt::Key_Tab);
  QCOMPARE(editor.edit("padding")->text(), "2×1");
  // The shapes no longer agree: said at the block, whose other rows still have theirs.
  QCOMPARE(editor.report().errorPath, "/layers/1");
  editor.edit("padding")->setFocus();
  editor.edit("padding")->selectAll();
  QTest::keyClick(editor.edit("padding"), Qt::Key_Backspace);
  QVERIFY(!editor.at("/layers/1/shortcut/0").contains("padding"));
  QVERIFY(editor.report().sound());
}

void TestModelEditor::wrongValuesAreSaidInPlace() {
  Editor editor(sample());
  editor.select("/layers/1/layers/1/layers/0");
  editor.type("kernel", "30");
  const QModelIndex row = editor.model()->indexOf("/layers/1/layers/1/layers/0");
  const QString reason = row.data(LayerTreeModel::ErrorRole).toString();
  QVERIFY2(reason.startsWith("its window of 30"), qPrintable(reason));
  QCOMPARE(row.data(Qt::ForegroundRole).value<QColor>(), Theme::current().threshold);
  QVERIFY(editor.tree()->visualRect(row).height() > editor.tree()->rowHeight() * 3 / 2);
  QVERIFY(!editor.okButton()->isEnabled());
  // Shapes before it stand; those behind are not known.
  QCOMPARE(editor.cell("/layers/1/layers/0", LayerTreeModel::Output), "4×6×6");
  QCOMPARE(editor.cell("/layers/3", LayerTreeModel::Output), "–");

  editor.type("kernel", "wide");
  QVERIFY(editor.report().error.find("\"kernel\" is \"wide\"") != std::string::npos);
  QVERIFY(editor.edit("kernel")->property("invalid").toBool());
  QVERIFY(editor.edit("kernel")->toolTip().contains("whole number"));
  editor.type("kernel", "3");
  QVERIFY(!editor.edit("kernel")->property("invalid").toBool());
  QVERIFY(editor.okButton()->isEnabled());
}

void TestModelEditor::everyFieldHasAWidget() {
  Editor editor(sample());
  for (const LayerKind& kind : layerKinds()) {
    editor.startFrom(QStringLiteral("mnist-cnn"));
    editor.select("/layers/0");
    editor.addAction(QString::fromStdString(kind.type))->trigger();
    for (const LayerField& field : kind.fields) {
      if (field.type == LayerField::Type::Layers) continue;
      const QWidget* widget = editor.form()->field(QString::fromStdString(field.name));
      QVERIFY2(widget, field.name.c_str());
      QVERIFY(!widget->toolTip().isEmpty() && !widget->accessibleName().isEmpty());
    }
  }
  // A tick that equals the default is left out of the spec.
  editor.startFrom(QStringLiteral("logistic"));
  editor.select("/layers/1");
  QWidget* bias = editor.form()->field(QStringLiteral("bias"));
  QTest::mouseClick(bias, Qt::LeftButton, {}, QPoint(8, bias->height() / 2));
  QVERIFY(same(editor.at("/layers/1").at("bias"), false));
  QTest::mouseClick(bias, Qt::LeftButton, {}, QPoint(8, bias->height() / 2));
  QVERIFY(!editor.at("/layers/1").contains("bias"));
}

void TestModelEditor::keysOnTheTree() {
  Editor editor(sample());
  editor.select("/layers/1/layers/0");
  QTest::keyClick(editor.tree(), Qt::Key_D, Qt::ControlModifier);
  QVERIFY(same(editor.at("/layers/1/layers/1").at("type"), "relu"));
  QVERIFY(!editor.at("/layers/1/layers/1").contains("name"));
  QCOMPARE(editor.current(), "/layers/1/layers/1");
  QTest::keyClick(editor.tree(), Qt::Key_Delete);
  QVERIFY(same(editor.spec(), sample()));
  // Up to the top of its block, then out of it; and back down.
  editor.select("/layers/1/layers/1");
  QTest::keyClick(editor.tree(), Qt::Key_Up, Qt::ControlModifier);
  QVERIFY(same(editor.at("/layers/1/layers/0").at("name"), "q"));
  QTest::keyClick(editor.tree(), Qt::Key_Up, Qt::ControlModifier);
  QVERIFY(same(editor.at("/layers/1").at("name"), "q"));
  QCOMPARE(editor.current(), "/layers/1");
  QTest::keyClick(editor.tree(), Qt::Key_Down, Qt::ControlModifier);
  QVERIFY(same(editor.at("/layers/2").at("name"), "q"));
  QTest::keyClick(editor.tree(), Qt::Key_Z, Qt::ControlModifier);
  QVERIFY(same(editor.at("/layers/1").at("name"), "q"));
  while (editor.undoStack()->canUndo()) editor.undoStack()->undo();
  QVERIFY(same(editor.spec(), sample()));
  // The ends of the model are ends.
  editor.select("/layers/0");
  QTest::keyClick(editor.tree(), Qt::Key_Up, Qt::ControlModifier);
  QVERIFY(same(editor.spec(), sample()));
}

void TestModelEditor::dropsIntoAndOutOfBlocks() {
  Editor editor(sample());
  const auto drop = [&](const std::string& layer, const std::string& onto, int row) {
    std::unique_ptr<QMimeData> data(editor.model()->mimeData({editor.model()->indexOf(layer)}));
    const QModelIndex parent = onto.empty() ? QModelIndex() : editor.model()->indexOf(onto);
    return editor.model()->canDropMimeData(data.get(), Qt::MoveAction, row, 0, parent) &&
           editor.model()->dropMimeData(data.get(), Qt::MoveAction, row, 0, parent);
  };
  // Onto a block: the branch's end. Onto its shortcut. Between the model's rows.
  QVERIFY(drop("/layers/0", "/layers/1", -1));
  QVERIFY(same(editor.at("/layers/0/layers/2").at("name"), "a"));
  QCOMPARE(editor.current(), "/layers/0/layers/2");
  editor.undoStack()->undo();
  QVERIFY(drop("/layers/1/layers/0", "/layers/1/layers/1/shortcut", -1));
  QVERIFY(same(editor.at("/layers/1/layers/0/shortcut/0").at("name"), "b"));
  QVERIFY(drop("/layers/1/layers/0/shortcut/0", "", 3));
  QVERIFY(same(editor.at("/layers/3").at("name"), "b"));
  QVERIFY(!editor.at("/layers/1/layers/0").contains("shortcut"));
  // Not into itself, not into its own shortcut, and nothing else's data.
  QVERIFY(!drop("/layers/1", "/layers/1", -1));
  QVERIFY(!drop("/layers/1", "/layers/1/layers/0", 0));
  QVERIFY(!drop("/layers/1", "/layers/1/shortcut", -1));
  QMimeData other;
  other.setText(QStringLiteral("/layers/0"));
  QVERIFY(!editor.model()->dropMimeData(&other, Qt::MoveAction, 0, 0, {}));
  QCOMPARE(editor.undoStack()->count(), 2);
}

void TestModelEditor::batchNormIsRefused() {
  Editor editor(sample());
  editor.select("/layers/0");
  QVERIFY(!editor.refusal()->isVisible());
  editor.addAction(QStringLiteral("batchnorm2d"))->trigger();
  QVERIFY(same(editor.spec(), sample()));
  QVERIFY(editor.refusal()->isVisible());
  QString reason;
  try {
    layerKind("batchnorm2d");
  } catch (const SpecError& error) {
    reason = QString::fromUtf8(error.what());
  }
  QVERIFY(!reason.isEmpty() && editor.refusal()->text().contains(reason));
  QTest::mouseClick(editor.instead(), Qt::LeftButton);
  QVERIFY(same(editor.at("/layers/1").at("type"), "groupnorm"));
  QVERIFY(!editor.refusal()->isVisible());
  QVERIFY(editor.report().sound());
}

void TestModelEditor::freezing() {
  Editor editor(json::parse(R"({"layers":[{"type":"flatten"},{"type":"linear","out":5},
      {"type":"linear","out":3}]})"));
  const auto tick = [&](const std::string& pointer) {
    const QModelIndex box = editor.model()->indexOf(pointer, LayerTreeModel::FrozenBox);
    const QRect row = editor.tree()->visualRect(box);
    QTest::mouseClick(editor.tree()->viewport(), Qt::LeftButton, {},
                      QPoint(row.left() + 10, row.center().y()));
    return editor.model()
        ->indexOf(pointer, LayerTreeModel::FrozenBox)
        .data(Qt::CheckStateRole)
        .toInt();
  };
  QCOMPARE(tick("/layers/1"), int(Qt::Checked));
  QVERIFY(same(editor.spec().at("frozen"), json::array({"fc1"})));
  QCOMPARE(editor.report().trainable, Index{18});
  QVERIFY(editor.totals()->text().contains("18 trained"));
  // It is this layer that is frozen, whatever comes before it.
  editor.select("/layers/0");
  editor.addAction(QStringLiteral("linear"))->trigger();
  QVERIFY(same(editor.at("/layers/2").at("name"), "fc1"));
  QVERIFY(editor.report().sound());
  QCOMPARE(editor.report().trainable, editor.report().parameters - (3 * 5 + 5));
  QCOMPARE(tick("/layers/2"), int(Qt::Unchecked));
  QVERIFY(!editor.spec().contains("frozen"));
  QCOMPARE(tick("/layers/2"), int(Qt::Checked));
  // Gone with the layer.
  editor.select("/layers/2");
  QTest::keyClick(editor.tree(), Qt::Key_Delete);
  QVERIFY(!editor.spec().contains("frozen"));
  QVERIFY(editor.report().sound());

  // A block's tick holds for what is in it.
  editor.setSpec(sample());
  QCOMPARE(tick("/layers/1"), int(Qt::Checked));
  const QModelIndex inner =
      editor.model()->indexOf("/layers/1/layers/1/layers/0", LayerTreeModel::FrozenBox);
  QCOMPARE(inner.data(Qt::CheckStateRole).toInt(), int(Qt::Checked));
  QVERIFY(!(inner.flags() & Qt::ItemIsUserCheckable));
  QCOMPARE(editor.report().trainable, Index{4 * 2 * 9 + 4 + 144 * 3 + 3});
}

void TestModelEditor::namesFollow() {
  json spec = sample();
  spec["frozen"] = {"a.bias", "q"};
  spec["layers"].insert(spec["layers"].begin() + 1, json{{"type", "reuse"}, {"layer", "a"}});
  spec["layers"][0]["padding"] = 1;
  Editor editor(spec, Shape{4, 8, 8});
  QVERIFY2(editor.report().sound(), editor.report().error.c_str());
  editor.select("/layers/0");
  QLineEdit* name = editor.form()->nameField();
  name->setFocus();
  name->selectAll();
  QTest::keyClicks(name, "ste.m");  // a dot would part layer and tensor
  QTest::keyClick(name, Qt::Key_Tab);
  QVERIFY(same(editor.at("/layers/0").at("name"), "stem"));
  QVERIFY(same(editor.at("/layers/1").at("layer"), "stem"));
  QVERIFY(same(editor.spec().at("frozen"), json({"stem.bias", "q"})));
  QVERIFY(editor.report().sound());
}

void TestModelEditor::lossAndTotals() {
  Editor editor(sample());
  const auto choose = [&](const char* loss) {
    QComboBox* box = editor.loss();
    const int wanted = box->findData(QString::fromLatin1(loss));
    box->setFocus();
    while (box->currentIndex() < wanted) QTest::keyClick(box, Qt::Key_Down);
    while (box->currentIndex() > wanted) QTest::keyClick(box, Qt::Key_Up);
  };
  choose("mse");
  QVERIFY(same(editor.spec().at("loss"), "mse"));
  QVERIFY(!editor.okButton()->isEnabled());
  QVERIFY(editor.totals()->text().contains("mse does not fit the data"));
  QCOMPARE(editor.totals()->palette().color(QPalette::WindowText), Theme::current().threshold);
  choose("cross_entropy");
  QVERIFY(editor.okButton()->isEnabled());
  // One score for two classes.
  editor.setData({2, 8, 8}, {true, 2});
  choose("bce_with_logits");
  QCOMPARE(editor.report().errorPath, "/layers/3");
  editor.select("/layers/3");
  editor.type("out", "1");
  QVERIFY2(editor.report().sound(), editor.report().error.c_str());
}

void TestModelEditor::presetsAndUndo() {
  Editor editor(sample(), {1, 28, 28}, {true, 10});
  for (const ModelPreset& preset : modelPresets()) {
    for (QAction* action : editor.presetMenu()->actions())
      if (action->text() == QString::fromStdString(preset.title)) action->trigger();
    QVERIFY(same(editor.spec(), presetSpec(preset.name, {1, 28, 28}, 10, false)));
    QVERIFY(editor.report().sound());
  }
  while (editor.undoStack()->canUndo()) editor.undoStack()->undo();
  QVERIFY(same(editor.spec(), sample()));
  // Data without pixels.
  editor.setData({7}, {true, 10});
  editor.startFrom(QStringLiteral("resnet-small"));
  QVERIFY(same(editor.spec(), sample()));
  QVERIFY(editor.refusal()->text().contains("needs images"));
  QVERIFY(!editor.instead()->isVisible());
}

void TestModelEditor::okHandsOverTheSpec() {
  Editor editor(sample());
  json taken;
  connect(&editor, &ModelEditor::specAccepted, this, [&](const json& spec) { taken = spec; });
  editor.select("/layers/0");
  editor.type("out_channels", "6");
  // Return ends the field and not the dialog; here it would be refused in any case.
  QTest::keyClick(editor.edit("out_channels"), Qt::Key_Return);
  QVERIFY(editor.isVisible() && taken.is_null());
  QTest::mouseClick(editor.okButton(), Qt::LeftButton);
  QVERIFY(editor.isVisible() && taken.is_null());
  editor.undoStack()->undo();
  editor.select("/layers/3");
  editor.type("out", "5");
  QTest::mouseClick(editor.okButton(), Qt::LeftButton);
  QVERIFY(!editor.isVisible());
  QVERIFY(same(taken, editor.spec()));
  QVERIFY(same(taken.at(json::json_pointer("/layers/3/out")), 5));
  editor.show();
  taken = nullptr;
  QTest::mouseClick(editor.cancelButton(), Qt::LeftButton);
  QVERIFY(!editor.isVisible() && taken.is_null());
}

QTEST_MAIN(TestModelEditor)
#include "test_model_editor.moc"
