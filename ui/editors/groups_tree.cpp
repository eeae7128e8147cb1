// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/groups_tree.h"

#include <QDropEvent>
#include <QHeaderView>
#include <QMimeData>
#include <algorithm>

namespace clipscope {

GroupsTree::GroupsTree(QWidget* parent) : QTreeWidget(parent) {
  setAccessibleName(tr("Clipping groups and their tensors"));
  setColumnCount(columnCount_);
  setHeaderLabels({tr("group"), tr("d_k"), tr("median norm"), tr("C_k")});
  for (int column = Size; column < columnCount_; ++column)
    headerItem()->setTextAlignment(column, Qt::AlignRight | Qt::AlignVCenter);
  header()->setStretchLastSection(false);
  header()->setSectionResizeMode(Name, QHeaderView::Stretch);
  header()->setSectionsMovable(false);
  for (int column = Size; column < columnCount_; ++column) setColumnWidth(column, 116);
  setSelectionMode(QAbstractItemView::ExtendedSelection);
  setDragEnabled(true);
  setAcceptDrops(true);
  setDropIndicatorShown(true);
  setDragDropMode(QAbstractItemView::DragDrop);
  setDefaultDropAction(Qt::MoveAction);
  setEditTriggers(QAbstractItemView::DoubleClicked | QAbstractItemView::EditKeyPressed);
  setUniformRowHeights(true);
}

int GroupsTree::groupOf(const QTreeWidgetItem* item) const {
  if (!item) return -1;
  return indexOfTopLevelItem(const_cast<QTreeWidgetItem*>(item->parent() ? item->parent() : item));
}

std::vector<Index> GroupsTree::selectedTensors() const {
  std::vector<Index> tensors;
  const auto take = [&](const QTreeWidgetItem* item) {
    const auto tensor = static_cast<Index>(item->data(Name, tensorRole).toLongLong());
    if (std::find(tensors.begin(), tensors.end(), tensor) == tensors.end())
      tensors.push_back(tensor);
  };
  for (const QTreeWidgetItem* item : selectedItems()) {
    if (item->parent()) take(item);
    for (int k = 0; k < item->childCount(); ++k) take(item->child(k));
  }
  return tensors;
}

QMimeData* GroupsTree::mimeData(const QList<QTreeWidgetItem*>& items) const {
  QStringList tensors;
  for (const QTreeWidgetItem* item : items)
    if (item->parent()) tensors << item->data(Name, tensorRole).toString();
  if (tensors.isEmpty()) return nullptr;
  auto* mime = new QMimeData;
  mime->setData(QString::fromLatin1(mimeName), tensors.join(QLatin1Char(' ')).toLatin1());
  return mime;
}

bool GroupsTree::edit(const QModelIndex& index, EditTrigger trigger, QEvent* event) {
  const bool group = index.isValid() && !index.parent().isValid();
  const bool field =
      index.column() == Name || (index.column() == Threshold && m_thresholdsEditable);
  if (trigger != NoEditTriggers && (!group || !field)) return false;
  return QTreeWidget::edit(index, trigger, event);
}

void GroupsTree::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasFormat(QString::fromLatin1(mimeName))) event->acceptProposedAction();
}

void GroupsTree::dragMoveEvent(QDragMoveEvent* event) {
  // Scrolls at the edges, and shows where the drop would go.
  QTreeWidget::dragMoveEvent(event);
  if (event->mimeData()->hasFormat(QString::fromLatin1(mimeName)) &&
      itemAt(event->position().toPoint()))
    event->acceptProposedAction();
  else
    event->ignore();
}

void GroupsTree::dropEvent(QDropEvent* event) {
  const int group = groupOf(itemAt(event->position().toPoint()));
  const QByteArray names = event->mimeData()->data(QString::fromLatin1(mimeName));
  setState(NoState);
  if (group < 0 || names.isEmpty()) return event->ignore();
  std::vector<Index> tensors;
  for (const QByteArray& number : names.split(' ')) tensors.push_back(number.toLongLong());
  // Not a move of rows: the editor makes the rows anew, and nothing is to be removed by the view.
  event->setDropAction(Qt::CopyAction);
  event->accept();
  emit tensorsDropped(tensors, group);
}

}  // namespace clipscope
