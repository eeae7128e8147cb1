// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/model_editor.h"

#include <QAction>
#include <QComboBox>
#include <QHeaderView>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QScrollArea>
#include <QToolButton>
#include <QUndoStack>
#include <QVBoxLayout>
#include <functional>

#include "engine/error.h"
#include "engine/model/layers/registry.h"
#include "engine/model/presets.h"
#include "ui/editors/layer_form.h"
#include "ui/editors/layer_tree.h"
#include "ui/editors/layer_tree_model.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

using nlohmann::json;

/// A spec before and after. Specs are small, so a change keeps both whole.
class ModelEditor::Change : public QUndoCommand {
 public:
  struct State {
    json spec;
    std::string selected;
  };
  Change(ModelEditor* editor, const QString& text, State before, State after, std::string key)
      : QUndoCommand(text),
        m_editor(editor),
        m_before(std::move(before)),
        m_after(std::move(after)),
        m_key(std::move(key)) {}

  void undo() override { m_editor->apply(m_before.spec, m_before.selected); }
  void redo() override { m_editor->apply(m_after.spec, m_after.selected); }
  int id() const override { return 1; }
  bool mergeWith(const QUndoCommand* next) override {
    const auto* other = static_cast<const Change*>(next);
    if (m_key.empty() || other->m_key != m_key) return false;
    m_after = other->m_after;
    setObsolete(m_after.spec == m_before.spec);
    return true;
  }

 private:
  ModelEditor* m_editor;
  State m_before, m_after;
  std::string m_key;
};

ModelEditor::ModelEditor(QWidget* parent)
    : QDialog(parent),
      m_spec(json::object()),
      m_undo(new QUndoStack(this)),
      m_model(new LayerTreeModel(this)),
      m_tree(new LayerTree(this)),
      m_form(new LayerForm(this)) {
  setWindowTitle(tr("Model"));
  setObjectName(QStringLiteral("modelEditor"));
  resize(900, 580);
  m_tree->setModel(m_model);
  QHeaderView* header = m_tree->header();
  header->setStretchLastSection(false);
  header->setSectionResizeMode(LayerTreeModel::Layer, QHeaderView::Stretch);
  const int widths[] = {0, 76, 84, 104, 68};
  for (int c = 1; c < LayerTreeModel::columnCount_; ++c) {
    header->setSectionResizeMode(c, QHeaderView::Fixed);
    header->resizeSection(c, widths[c]);
  }

  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(12, 10, 12, 12);
  column->setSpacing(8);
  column->addWidget(buildTools());
  m_refusalLine = new QWidget(this);
  m_refusalLine->setObjectName(QStringLiteral("messageBar"));
  m_refusalLine->setAttribute(Qt::WA_StyledBackground);
  m_refusalLine->setProperty("error", true);
  auto* refusal = new QHBoxLayout(m_refusalLine);
  refusal->setContentsMargins(10, 4, 6, 4);
  m_refusal = new QLabel(m_refusalLine);
  m_refusal->setWordWrap(true);
  m_instead = new QPushButton(tr("Use GroupNorm"), m_refusalLine);
  m_instead->setAutoDefault(false);
  m_instead->setToolTip(tr("Standardises each example by itself"));
  auto* dismiss = new QToolButton(m_refusalLine);
  dismiss->setText(QStringLiteral("✕"));
  dismiss->setAccessibleName(tr("Close the message"));
  dismiss->setToolTip(dismiss->accessibleName());
  refusal->addWidget(m_refusal, 1);
  refusal->addWidget(m_instead);
  refusal->addWidget(dismiss);
  m_refusalLine->hide();
  connect(m_instead, &QPushButton::clicked, this,
          [this] { addLayer(QStringLiteral("groupnorm")); });
  connect(dismiss, &QToolButton::clicked, m_refusalLine, &QWidget::hide);
  column->addWidget(m_refusalLine);

  auto* middle = new QHBoxLayout;
  middle->setSpacing(12);
  auto* card = new QWidget(this);
  card->setObjectName(QStringLiteral("card"));
  card->setAttribute(Qt::WA_StyledBackground);
  auto* cardLayout = new QVBoxLayout(card);
  cardLayout->setContentsMargins(4, 4, 4, 4);
  cardLayout->addWidget(m_tree);
  middle->addWidget(card, 1);
  auto* side = new QWidget(this);
  side->setObjectName(QStringLiteral("card"));
  side->setAttribute(Qt::WA_StyledBackground);
  side->setFixedWidth(290);
  auto* sideLayout = new QVBoxLayout(side);
  sideLayout->setContentsMargins(12, 10, 4, 8);
  auto* scroll = new QScrollArea(side);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_form->layout()->setContentsMargins(0, 0, 10, 0);
  scroll->setWidget(m_form);
  sideLayout->addWidget(scroll);
  middle->addWidget(side);
  column->addLayout(middle, 1);
  column->addWidget(buildFoot());
  buildShortcuts();

  connect(m_tree->selectionModel(), &QItemSelectionModel::currentRowChanged, this,
          &ModelEditor::showSelected);
  connect(m_model, &LayerTreeModel::moveRequested, this,
          [this](const std::string& layer, const SpecGap& gap) {
            std::string moved;
            json next = moveLayer(m_spec, layer, gap, moved);
            push(tr("Move a layer"), std::move(next), moved);
          });
  connect(m_model, &LayerTreeModel::freezeRequested, this,
          [this](const std::string& layer, bool frozen) {
            const LayerDescription* line = m_report.at(layer);
            if (!line) return;
            push(frozen ? tr("Freeze %1").arg(QString::fromStdString(line->name))
                        : tr("Train %1").arg(QString::fromStdString(line->name)),
                 freezeLayer(m_spec, layer, line->name, frozen), layer);
          });
  connect(m_form, &LayerForm::fieldChanged, this,
          [this](const std::string& layer, const std::string& field, const json& value) {
            push(tr("Change %1").arg(QString::fromStdString(field)),
                 setField(m_spec, layer, field, value), layer, layer + " " + field);
          });
  connect(m_form, &LayerForm::nameChanged, this,
          [this](const std::string& layer, const QString& name) {
            const LayerDescription* line = m_report.at(layer);
            push(tr("Rename a layer"),
                 renameLayer(m_spec, layer, line ? line->name : std::string(), name.toStdString()),
                 layer);
          });
}

ModelEditor::~ModelEditor() {
  // The stack would tell a half-destroyed window that it is clean.
  m_undo->disconnect(this);
}

QWidget* ModelEditor::buildTools() {
  auto* tools = new QWidget(this);
  auto* row = new QHBoxLayout(tools);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(4);
  const auto menuButton = [&](const QString& text, const QString& tip) {
    auto* button = new QPushButton(text, tools);
    button->setToolTip(tip);
    button->setAutoDefault(false);
    auto* menu = new QMenu(button);
    menu->setToolTipsVisible(true);
    button->setMenu(menu);
    row->addWidget(button);
    return menu;
  };
  m_addMenu = menuButton(tr("Add"), tr("A new layer behind the selected one"));
  buildAddMenu();
  const auto tool = [&](const QString& text, const QString& tip, const QKeySequence& key,
                        auto&& action) {
    auto* button = new QToolButton(tools);
    button->setText(text);
    button->setToolTip(tr("%1 (%2)").arg(tip, key.toString(QKeySequence::NativeText)));
    button->setAccessibleName(tip);
    connect(button, &QToolButton::clicked, this, action);
    row->addWidget(button);
    return button;
  };
  m_remove = tool(tr("Remove"), tr("Remove the layer"), QKeySequence::Delete,
                  [this] { removeSelected(); });
  m_duplicate = tool(tr("Duplicate"), tr("Put a copy behind the layer"),
                     QKeySequence(Qt::CTRL | Qt::Key_D), [this] { duplicateSelected(); });
  m_up = tool(QStringLiteral("↑"), tr("Move the layer up, and out of its block at the top"),
              QKeySequence(Qt::CTRL | Qt::Key_Up), [this] { moveSelected(-1); });
  m_down = tool(QStringLiteral("↓"), tr("Move the layer down, and out of its block at the end"),
                QKeySequence(Qt::CTRL | Qt::Key_Down), [this] { moveSelected(1); });
  row->addStretch(1);
  // The stack's own actions would write what they undo onto the button.
  const auto history = [&](const QString& text, QAction* action, const QKeySequence& key) {
    action->setShortcut(key);
    addAction(action);
    auto* button = new QToolButton(tools);
    button->setText(text);
    button->setAccessibleName(text);
    const auto follow = [button, action, key] {
      button->setEnabled(action->isEnabled());
      button->setToolTip(tr("%1 (%2)").arg(action->text(), key.toString(QKeySequence::NativeText)));
    };
    follow();
    connect(action, &QAction::changed, button, follow);
    connect(button, &QToolButton::clicked, action, &QAction::trigger);
    row->addWidget(button);
  };
  history(tr("Undo"), m_undo->createUndoAction(this, tr("Undo")), QKeySequence::Undo);
  history(tr("Redo"), m_undo->createRedoAction(this, tr("Redo")), QKeySequence::Redo);
  m_presetMenu = menuButton(tr("Start from"), tr("Replaces all layers by those of a preset"));
  for (const ModelPreset& preset : modelPresets())
    m_presetMenu->addAction(
        QString::fromStdString(preset.title), this,
        [this, name = QString::fromStdString(preset.name)] { startFrom(name); });
  return tools;
}

void ModelEditor::buildAddMenu() {
  const std::pair<LayerGroup, QString> groups[] = {{LayerGroup::Weights, tr("Weights")},
                                                   {LayerGroup::Activation, tr("Activations")},
                                                   {LayerGroup::Pooling, tr("Pooling")},
                                                   {LayerGroup::Normalisation, tr("Normalisation")},
                                                   {LayerGroup::Structure, tr("Structure")}};
  for (const auto& [group, title] : groups) {
    QMenu* menu = m_addMenu->addMenu(title);
    menu->setToolTipsVisible(true);
    for (const LayerKind& kind : layerKinds()) {
      if (kind.group != group) continue;
      const QString type = QString::fromStdString(kind.type);
      QAction* action = menu->addAction(QString::fromStdString(kind.title), this,
                                        [this, type] { addLayer(type); });
      action->setObjectName(type);
      action->setToolTip(QString::fromStdString(kind.help));
    }
    if (group != LayerGroup::Normalisation) continue;
    QAction* action =
        menu->addAction(tr("BatchNorm"), this, [this] { addLayer(QStringLiteral("batchnorm2d")); });
    action->setObjectName(QStringLiteral("batchnorm2d"));
    action->setToolTip(tr("Not possible with DP-SGD: says why"));
  }
}

QWidget* ModelEditor::buildFoot() {
  auto* foot = new QWidget(this);
  auto* row = new QHBoxLayout(foot);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(8);
  auto* label = new QLabel(tr("Loss"), foot);
  m_loss = new QComboBox(foot);
  m_loss->setAccessibleName(tr("Loss"));
  for (const LossName& loss : lossNames()) {
    m_loss->addItem(QString::fromStdString(loss.title), QString::fromStdString(loss.name));
    m_loss->setItemData(m_loss->count() - 1, QString::fromStdString(loss.help), Qt::ToolTipRole);
  }
  label->setBuddy(m_loss);
  connect(m_loss, &QComboBox::activated, this, [this] {
    json next = m_spec;
    next["loss"] = m_loss->currentData().toString().toStdString();
    if (next != m_spec) push(tr("Change the loss"), std::move(next), selected());
  });
  m_totals = new QLabel(foot);
  m_totals->setWordWrap(true);
  m_ok = new QPushButton(tr("OK"), foot);
  m_ok->setProperty("primary", true);
  // Return in a field ends the field, not the dialog.
  m_ok->setAutoDefault(false);
  m_ok->setToolTip(tr("Train this model: needs a restart, which is asked for"));
  m_cancel = new QPushButton(tr("Cancel"), foot);
  m_cancel->setAutoDefault(false);
  m_cancel->setToolTip(tr("Drop the changes"));
  connect(m_ok, &QPushButton::clicked, this, [this] {
    emit specAccepted(m_spec);
    accept();
  });
  connect(m_cancel, &QPushButton::clicked, this, &QDialog::reject);
  row->addWidget(label);
  row->addWidget(m_loss);
  row->addWidget(m_totals, 1);
  row->addWidget(m_cancel);
  row->addWidget(m_ok);
  return foot;
}

void ModelEditor::buildShortcuts() {
  const std::pair<QKeySequence, std::function<void()>> keys[] = {
      {QKeySequence(QKeySequence::Delete), [this] { removeSelected(); }},
      {QKeySequence(Qt::CTRL | Qt::Key_D), [this] { duplicateSelected(); }},
      {QKeySequence(Qt::CTRL | Qt::Key_Up), [this] { moveSelected(-1); }},
      {QKeySequence(Qt::CTRL | Qt::Key_Down), [this] { moveSelected(1); }}};
  for (const auto& [key, slot] : keys) {
    auto* action = new QAction(m_tree);
    action->setShortcut(key);
    action->setShortcutContext(Qt::WidgetShortcut);
    connect(action, &QAction::triggered, this, slot);
    m_tree->addAction(action);
  }
}

void ModelEditor::setData(const Shape& input, const TargetKind& targets) {
  m_input = input;
  m_targets = targets;
  if (m_spec.contains("layers")) apply(m_spec, selected());
}

void ModelEditor::setSpec(const json& spec) {
  m_undo->clear();
  m_refusalLine->hide();
  apply(spec, "/layers/0");
}

void ModelEditor::push(const QString& text, json spec, const std::string& selected,
                       const std::string& key) {
  if (spec == m_spec) return;
  m_undo->push(
      new Change(this, text, {m_spec, this->selected()}, {std::move(spec), selected}, key));
}

void ModelEditor::apply(const json& spec, const std::string& selected) {
  m_spec = spec;
  m_report = reportSpec(m_spec, m_input, m_targets);
  {
    // The selection goes with the reset and comes back below.
    const QSignalBlocker block(m_tree->selectionModel());
    m_model->setSpec(m_spec, m_report);
  }
  m_tree->expandAll();
  QModelIndex index = m_model->indexOf(selected);
  if (!index.isValid() && m_model->rowCount() > 0) index = m_model->index(0, 0);
  m_tree->setCurrentIndex(index);
  m_loss->setCurrentIndex(
      m_loss->findData(QString::fromStdString(m_spec.value("loss", "cross_entropy"))));
  m_ok->setEnabled(m_report.sound());
  showSelected();
  showTotals();
}

std::string ModelEditor::selected() const {
  const QModelIndex index = m_tree->currentIndex();
  return index.isValid() ? m_model->pointerAt(index) : std::string();
}

void ModelEditor::showSelected() {
  const std::string pointer = selected();
  const QModelIndex index = m_model->indexOf(pointer);
  const bool layer = index.isValid() && !index.data(LayerTreeModel::IsShortcutRole).toBool();
  for (QToolButton* button : {m_remove, m_duplicate, m_up, m_down}) button->setEnabled(layer);
  if (!layer) {
    m_form->showNothing(
        index.isValid()
            ? tr("The shortcut is added to the branch. Empty, it is the input itself. Layers "
                 "dragged here, or added while this row is selected, turn the input into the "
                 "branch's shape.")
            : tr("Add a layer to begin."));
    return;
  }
  LayerForm::Subject subject;
  subject.pointer = pointer;
  subject.fields = m_spec.at(json::json_pointer(pointer));
  subject.name = index.siblingAtColumn(LayerTreeModel::Name).data().toString();
  subject.error = index.data(LayerTreeModel::ErrorRole).toString();
  for (const LayerDescription& line : m_report.layers) {
    if (line.path == pointer) break;
    if (line.parameters > 0 && !line.reuse) subject.earlier << QString::fromStdString(line.name);
  }
  m_form->showLayer(subject);
}

void ModelEditor::showTotals() {
  QPalette palette = this->palette();
  const bool elsewhere = m_report.sound() || m_model->indexOf(m_report.errorPath).isValid();
  QString text = tr("%1 parameters").arg(grouped(m_report.parameters));
  if (m_report.trainable != m_report.parameters)
    text += tr(", %1 trained").arg(grouped(m_report.trainable));
  text += tr(" · %1 KiB an example").arg(grouped((m_report.bytesPerExample + 1023) / 1024));
  if (!m_report.sound()) text += tr(" · up to the layer that does not fit");
  m_totals->setText(elsewhere ? text : QString::fromStdString(m_report.error));
  m_totals->setToolTip(
      tr("Memory: activations, their gradients and what layers keep of one example"));
  palette.setColor(QPalette::WindowText,
                   elsewhere ? Theme::current().dim : Theme::current().threshold);
  m_totals->setPalette(palette);
}

Shape ModelEditor::inputAt(const SpecGap& gap) const {
  // The layer in front of the gap, or what goes into the block it begins.
  SpecGap at = gap;
  while (at.index == 0) {
    const std::string block = blockOf(at.list);
    if (block.empty()) return m_input;
    at = gapBefore(block);
  }
  const LayerDescription* line = m_report.at(layerAt({at.list, at.index - 1}));
  return line ? line->output : Shape();
}

void ModelEditor::addLayer(const QString& type) {
  try {
    layerKind(type.toStdString());
  } catch (const Error& error) {
    refuse(QString::fromUtf8(error.what()));
    return;
  }
  m_refusalLine->hide();
  const SpecGap gap = m_model->gapBehind(m_model->indexOf(selected()));
  std::string earlier;
  for (const LayerDescription& line : m_report.layers)
    if (line.path == layerAt(gap))
      break;
    else if (line.parameters > 0 && !line.reuse)
      earlier = line.name;
  json layer =
      sampleLayer(type.toStdString(), inputAt(gap), std::max(Index{1}, m_targets.count), earlier);
  push(tr("Add %1").arg(QString::fromStdString(layerKind(type.toStdString()).title)),
       insertLayer(m_spec, gap, std::move(layer)), layerAt(gap));
  m_tree->setFocus();
}

void ModelEditor::refuse(const QString& reason) {
  m_refusal->setText(tr("BatchNorm: %1.").arg(reason));
  m_instead->show();
  m_refusalLine->show();
}

void ModelEditor::removeSelected() {
  const std::string layer = selected();
  if (!m_remove->isEnabled()) return;
  SpecGap gap = gapBefore(layer);
  json next = removeLayer(m_spec, layer);
  // What stood behind it is selected next, else what stands before.
  const int left = layersIn(next, gap.list);
  gap.index = std::min(gap.index, left - 1);
  push(tr("Remove a layer"), std::move(next), left > 0 ? layerAt(gap) : blockOf(gap.list));
}

void ModelEditor::duplicateSelected() {
  if (!m_duplicate->isEnabled()) return;
  const SpecGap gap = gapBefore(selected());
  push(tr("Duplicate a layer"), duplicateLayer(m_spec, selected()),
       layerAt({gap.list, gap.index + 1}));
}

void ModelEditor::moveSelected(int direction) {
  if (!m_up->isEnabled()) return;
  const std::string layer = selected();
  const SpecGap here = gapBefore(layer);
  SpecGap gap{here.list, direction < 0 ? here.index - 1 : here.index + 2};
  if (gap.index < 0 || gap.index > layersIn(m_spec, here.list)) {
    const std::string block = blockOf(here.list);
    if (block.empty()) return;
    gap = gapBefore(block);
    if (direction > 0) ++gap.index;
  }
  std::string moved;
  json next = moveLayer(m_spec, layer, gap, moved);
  push(tr("Move a layer"), std::move(next), moved);
}

void ModelEditor::startFrom(const QString& preset) {
  try {
    json spec = presetSpec(preset.toStdString(), m_input, m_targets.count, !m_targets.classes);
    m_refusalLine->hide();
    push(tr("Start from a preset"), std::move(spec), "/layers/0");
  } catch (const Error& error) {
    m_refusal->setText(QString::fromUtf8(error.what()));
    m_instead->hide();
    m_refusalLine->show();
  }
}

}  // namespace clipscope
