// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/groups_editor.h"

#include <QComboBox>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <QShortcut>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>

#include "ui/editors/groups_tree.h"
#include "ui/plots/number_format.h"
#include "ui/theme.h"

namespace clipscope {

GroupsEditor::GroupsEditor(const ClippingSettings& settings,
                           std::shared_ptr<const StepRecord> record, QWidget* parent)
    : QDialog(parent), m_record(std::move(record)), m_draft(m_record->info, settings) {
  setWindowTitle(tr("Clipping groups"));
  resize(580, 520);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(16, 14, 16, 14);
  column->setSpacing(8);
  auto* hint = new QLabel(tr("Each group has a norm and a threshold of its own. Drag tensors from "
                             "group to group; every tensor is in exactly one."),
                          this);
  hint->setObjectName(QStringLiteral("hint"));
  hint->setWordWrap(true);
  column->addWidget(hint);

  const auto button = [&](const QString& text, const QString& tip) {
    auto* b = new QPushButton(text, this);
    b->setToolTip(tip);
    b->setAutoDefault(false);
    return b;
  };
  auto* tools = new QHBoxLayout;
  tools->setSpacing(6);
  m_start = button(tr("&Start from"), tr("Begins anew from one of the usual groupings"));
  m_startMenu = new QMenu(this);
  const std::pair<QString, GroupsDraft::Start> starts[] = {
      {tr("Flat: one group"), GroupsDraft::Start::Flat},
      {tr("Per layer: weight and bias together"), GroupsDraft::Start::PerLayer},
      {tr("Per parameter: weight and bias apart"), GroupsDraft::Start::PerParameter},
      {tr("Weights and biases: two groups"), GroupsDraft::Start::WeightsAndBiases}};
  for (const auto& [text, start] : starts)
    m_startMenu->addAction(text, this, [this, start = start] {
      m_draft.startFrom(start);
      fill();
    });
  m_start->setMenu(m_startMenu);
  m_move = button(tr("&Move to"), tr("Moves the selected tensors to another group (Ctrl+M)"));
  m_moveMenu = new QMenu(this);
  m_move->setMenu(m_moveMenu);
  m_add = button(tr("&Add group"), tr("Adds an empty group (Ctrl+N)"));
  m_rename = button(tr("&Rename"), tr("Renames the group (F2)"));
  m_remove = button(tr("R&emove"), tr("Removes the group (Del); its tensors go into a neighbour"));
  for (QPushButton* b : {m_start, m_move, m_add, m_rename, m_remove}) tools->addWidget(b);
  tools->addStretch(1);
  column->addLayout(tools);

  m_tree = new GroupsTree(this);
  m_tree->setContextMenuPolicy(Qt::CustomContextMenu);
  column->addWidget(m_tree, 1);

  auto* below = new QHBoxLayout;
  auto* label = new QLabel(tr("&Thresholds C_k"), this);
  m_rule = new QComboBox(this);
  m_rule->setAccessibleName(tr("Thresholds C_k"));
  m_rule->setToolTip(tr("How C is shared out over the groups, Σ C_k² = C²; or each C_k given"));
  label->setBuddy(m_rule);
  const std::pair<QString, ThresholdRule> rules[] = {{tr("Equal, C/√K"), ThresholdRule::Equal},
                                                     {tr("∝ √d_k"), ThresholdRule::SqrtDimension},
                                                     {tr("∝ median norm"), ThresholdRule::Median},
                                                     {tr("Each given"), ThresholdRule::Custom}};
  for (const auto& [text, rule] : rules) m_rule->addItem(text, static_cast<int>(rule));
  m_rule->setCurrentIndex(m_rule->findData(static_cast<int>(m_draft.rule())));
  below->addWidget(label);
  below->addWidget(m_rule);
  below->addStretch(1);
  m_sensitivity = new QLabel(this);
  m_sensitivity->setObjectName(QStringLiteral("hint"));
  below->addWidget(m_sensitivity);
  column->addLayout(below);

  auto* end = new QHBoxLayout;
  m_problem = new QLabel(this);
  m_problem->setWordWrap(true);
  end->addWidget(m_problem, 1);
  auto* cancel = button(tr("Cancel"), tr("Leaves the grouping as it is"));
  m_ok = button(tr("OK"), tr("Clips by these groups from the next step on"));
  m_ok->setProperty("primary", true);
  end->addWidget(cancel);
  end->addWidget(m_ok);
  column->addLayout(end);

  connect(m_tree, &GroupsTree::tensorsDropped, this, &GroupsEditor::moveTo);
  connect(m_tree, &QTreeWidget::itemChanged, this, &GroupsEditor::itemEdited);
  connect(m_tree, &QTreeWidget::itemSelectionChanged, this, &GroupsEditor::showState);
  connect(m_tree, &QWidget::customContextMenuRequested, this, [this](QPoint at) {
    QMenu menu(this);
    auto* move = menu.addMenu(tr("Move to"));
    move->addActions(m_moveMenu->actions());
    move->setEnabled(m_move->isEnabled());
    menu.addSeparator();
    menu.addAction(tr("Add group"), m_add, &QPushButton::click);
    menu.addAction(tr("Rename"), m_rename, &QPushButton::click)->setEnabled(m_rename->isEnabled());
    menu.addAction(tr("Remove"), m_remove, &QPushButton::click)->setEnabled(m_remove->isEnabled());
    menu.exec(m_tree->viewport()->mapToGlobal(at));
  });
  connect(m_add, &QPushButton::clicked, this, [this] {
    const auto added = static_cast<int>(m_draft.add());
    fill();
    m_tree->setCurrentItem(m_tree->topLevelItem(added));
    m_tree->scrollToItem(m_tree->topLevelItem(added));
  });
  connect(m_rename, &QPushButton::clicked, this, [this] {
    if (currentGroup() < 0) return;
    QTreeWidgetItem* item = m_tree->topLevelItem(currentGroup());
    m_tree->setCurrentItem(item);
    m_tree->setFocus();
    m_tree->editItem(item, GroupsTree::Name);
  });
  connect(m_remove, &QPushButton::clicked, this, [this] {
    if (currentGroup() < 0) return;
    m_draft.remove(static_cast<std::size_t>(currentGroup()));
    fill();
  });
  // Not left to keyPressEvent(): the tree would take it for a search.
  auto* remove = new QShortcut(QKeySequence(Qt::Key_Delete), m_tree);
  remove->setContext(Qt::WidgetShortcut);
  connect(remove, &QShortcut::activated, m_remove, &QPushButton::click);
  connect(m_rule, &QComboBox::currentIndexChanged, this, [this] {
    m_draft.setRule(static_cast<ThresholdRule>(m_rule->currentData().toInt()));
    fill();
  });
  connect(cancel, &QPushButton::clicked, this, &QDialog::reject);
  connect(m_ok, &QPushButton::clicked, this, [this] {
    emit chosen(m_draft.settings());
    accept();
  });
  fill();
  m_tree->setFocus();
}

int GroupsEditor::currentGroup() const { return m_tree->groupOf(m_tree->currentItem()); }

void GroupsEditor::moveTo(const std::vector<Index>& tensors, int group) {
  if (group < 0 || tensors.empty()) return;
  m_draft.move(tensors, static_cast<std::size_t>(group));
  fill();
  // What was moved stays selected, in its new place.
  m_tree->clearSelection();
  QTreeWidgetItem* into = m_tree->topLevelItem(group);
  for (int k = 0; k < into->childCount(); ++k) {
    const auto tensor = into->child(k)->data(GroupsTree::Name, GroupsTree::tensorRole).toLongLong();
    if (std::find(tensors.begin(), tensors.end(), tensor) == tensors.end()) continue;
    m_tree->setCurrentItem(into->child(k), 0,
                           QItemSelectionModel::Select | QItemSelectionModel::Current);
  }
  showState();
}

void GroupsEditor::itemEdited(QTreeWidgetItem* item, int column) {
  const int group = m_tree->indexOfTopLevelItem(item);
  if (m_filling || group < 0) return;
  const auto at = static_cast<std::size_t>(group);
  if (column == GroupsTree::Name) {
    m_draft.rename(at, item->text(column).trimmed().toStdString());
  } else if (column == GroupsTree::Threshold) {
    bool number = false;
    const double value = QLocale::c().toDouble(item->text(column).trimmed(), &number);
    m_draft.setThreshold(at, number ? value : notANumber);
  }
  // The rows are made anew when the editor of this one is closed.
  QMetaObject::invokeMethod(this, &GroupsEditor::fill, Qt::QueuedConnection);
}

void GroupsEditor::fill() {
  m_filling = true;
  const int current = currentGroup();
  m_tree->clear();
  m_tree->setThresholdsEditable(m_draft.rule() == ThresholdRule::Custom);
  const std::vector<double> thresholds = m_draft.thresholds(*m_record);
  const RunInfo& info = m_draft.info();
  const auto figure = [](QTreeWidgetItem* item, int column, const QString& text) {
    item->setText(column, text);
    item->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
  };
  for (std::size_t k = 0; k < m_draft.groups().size(); ++k) {
    const GroupsDraft::Group& group = m_draft.groups()[k];
    auto* row = new QTreeWidgetItem(m_tree, {QString::fromStdString(group.name)});
    row->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsEditable |
                  Qt::ItemIsDropEnabled);
    QFont bold = m_tree->font();
    bold.setBold(true);
    for (int column = 0; column < GroupsTree::columnCount_; ++column) row->setFont(column, bold);
    figure(row, GroupsTree::Size, grouped(m_draft.dimension(k)));
    figure(row, GroupsTree::Median, shortNumber(m_draft.medianNorm(group.tensors, *m_record), 3));
    const bool given = m_draft.rule() == ThresholdRule::Custom;
    const double threshold = given                   ? group.threshold
                             : k < thresholds.size() ? thresholds[k]
                                                     : notANumber;
    figure(row, GroupsTree::Threshold, shortNumber(threshold));
    if (given) row->setToolTip(GroupsTree::Threshold, tr("Double click or F2 to type C_k"));
    for (const Index tensor : group.tensors) {
      const auto at = static_cast<std::size_t>(tensor);
      auto* child = new QTreeWidgetItem(row, {QString::fromStdString(info.tensors[at])});
      child->setFlags(Qt::ItemIsEnabled | Qt::ItemIsSelectable | Qt::ItemIsDragEnabled |
                      Qt::ItemIsDropEnabled);
      child->setData(GroupsTree::Name, GroupsTree::tensorRole, static_cast<qlonglong>(tensor));
      figure(child, GroupsTree::Size, grouped(info.sizes[at]));
      figure(child, GroupsTree::Median, shortNumber(m_draft.medianNorm({tensor}, *m_record), 3));
      child->setToolTip(
          GroupsTree::Name,
          tr("%1, %2. A weight that several layers share is one tensor and counts once.")
              .arg(QString::fromStdString(info.tensors[at]),
                   QString::fromStdString(info.shapes[at].toString())));
    }
    row->setExpanded(true);
  }
  if (current >= 0 && m_tree->topLevelItemCount() > 0)
    m_tree->setCurrentItem(
        m_tree->topLevelItem(std::min(current, m_tree->topLevelItemCount() - 1)));
  m_filling = false;
  double squares = 0;
  for (const double threshold : thresholds) squares += threshold * threshold;
  m_sensitivity->setText(thresholds.empty() ? QString()
                                            : tr("K = %1, sensitivity √ΣC_k² = %2")
                                                  .arg(thresholds.size())
                                                  .arg(shortNumber(std::sqrt(squares))));
  fillMoveMenu();
  showState();
}

void GroupsEditor::fillMoveMenu() {
  m_moveMenu->clear();
  for (std::size_t k = 0; k < m_draft.groups().size(); ++k)
    m_moveMenu->addAction(QString::fromStdString(m_draft.groups()[k].name), this,
                          [this, k] { moveTo(m_tree->selectedTensors(), static_cast<int>(k)); });
  m_moveMenu->addSeparator();
  m_moveMenu->addAction(tr("New group"), this, [this] {
    const std::vector<Index> tensors = m_tree->selectedTensors();
    moveTo(tensors, static_cast<int>(m_draft.add()));
  });
}

void GroupsEditor::showState() {
  if (m_filling) return;
  const std::string problem = m_draft.problem();
  m_problem->setText(QString::fromStdString(problem));
  m_problem->setStyleSheet(QStringLiteral("color: %1").arg(Theme::current().threshold.name()));
  m_ok->setEnabled(problem.empty());
  m_move->setEnabled(!m_tree->selectedTensors().empty());
  m_rename->setEnabled(currentGroup() >= 0);
  m_remove->setEnabled(currentGroup() >= 0 && m_draft.groups().size() > 1);
}

void GroupsEditor::keyPressEvent(QKeyEvent* event) {
  const bool control = event->modifiers() == Qt::ControlModifier;
  if (control && event->key() == Qt::Key_N)
    m_add->click();
  else if (control && event->key() == Qt::Key_M && m_move->isEnabled())
    m_move->showMenu();
  else
    QDialog::keyPressEvent(event);
}

}  // namespace clipscope
