// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/editors/layer_tree.h"

#include <QHeaderView>
#include <QPainter>
#include <QStyledItemDelegate>

#include "ui/editors/layer_tree_model.h"
#include "ui/theme.h"

namespace clipscope {

namespace {

constexpr int textFlags = Qt::AlignLeft | Qt::AlignTop | Qt::TextWordWrap;

int indentOf(const QModelIndex& index, const LayerTree& tree) {
  int depth = 1;
  for (QModelIndex above = index.parent(); above.isValid(); above = above.parent()) ++depth;
  return depth * tree.indentation() + 4;
}

/// Keeps a row's own line at the top when its message makes it taller.
class RowDelegate : public QStyledItemDelegate {
 public:
  explicit RowDelegate(LayerTree* tree) : QStyledItemDelegate(tree), m_tree(tree) {}

  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    QSize size = QStyledItemDelegate::sizeHint(option, index);
    const QModelIndex first = index.siblingAtColumn(LayerTreeModel::Layer);
    const QString message = first.data(LayerTreeModel::ErrorRole).toString();
    size.setHeight(message.isEmpty() ? m_tree->rowHeight()
                                     : m_tree->heightWith(message, indentOf(first, *m_tree)));
    return size;
  }

  void paint(QPainter* painter, const QStyleOptionViewItem& option,
             const QModelIndex& index) const override {
    QStyleOptionViewItem line = option;
    line.rect.setHeight(m_tree->rowHeight());
    // The whole row shows what is current.
    line.state &= ~QStyle::State_HasFocus;
    QStyledItemDelegate::paint(painter, line, index);
  }

  bool editorEvent(QEvent* event, QAbstractItemModel* model, const QStyleOptionViewItem& option,
                   const QModelIndex& index) override {
    QStyleOptionViewItem line = option;
    line.rect.setHeight(m_tree->rowHeight());
    return QStyledItemDelegate::editorEvent(event, model, line, index);
  }

 private:
  LayerTree* m_tree;
};

}  // namespace

LayerTree::LayerTree(QWidget* parent) : QTreeView(parent) {
  setAccessibleName(tr("Layers of the model"));
  setItemDelegate(new RowDelegate(this));
  setSelectionBehavior(QAbstractItemView::SelectRows);
  setDragDropMode(QAbstractItemView::InternalMove);
  setDragEnabled(true);
  setAcceptDrops(true);
  setDropIndicatorShown(true);
  setExpandsOnDoubleClick(false);
  setEditTriggers(QAbstractItemView::NoEditTriggers);
  setFrameShape(QFrame::NoFrame);
  setIndentation(16);
  setMinimumSize(420, 240);
  header()->setSectionsMovable(false);
  header()->setHighlightSections(false);
}

int LayerTree::rowHeight() const { return fontMetrics().height() + 10; }

int LayerTree::heightWith(const QString& message, int indent) const {
  const int width = std::max(100, viewport()->width() - indent - 8);
  return rowHeight() +
         fontMetrics().boundingRect(QRect(0, 0, width, 1000), textFlags, message).height() + 6;
}

void LayerTree::drawRow(QPainter* painter, const QStyleOptionViewItem& option,
                        const QModelIndex& index) const {
  QTreeView::drawRow(painter, option, index);
  const QModelIndex first = index.siblingAtColumn(LayerTreeModel::Layer);
  const QString message = first.data(LayerTreeModel::ErrorRole).toString();
  if (message.isEmpty()) return;
  painter->save();
  painter->setPen(Theme::current().threshold);
  const int indent = indentOf(first, *this);
  painter->drawText(QRect(indent, option.rect.top() + rowHeight(), viewport()->width() - indent - 8,
                          option.rect.height() - rowHeight()),
                    textFlags, message);
  painter->restore();
}

void LayerTree::drawBranches(QPainter* painter, const QRect& rect, const QModelIndex& index) const {
  QTreeView::drawBranches(painter, QRect(rect.topLeft(), QSize(rect.width(), rowHeight())), index);
}

void LayerTree::resizeEvent(QResizeEvent* event) {
  QTreeView::resizeEvent(event);
  // A message wraps at the new width.
  scheduleDelayedItemsLayout();
}

}  // namespace clipscope
