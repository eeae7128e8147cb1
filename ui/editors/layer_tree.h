// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTreeView>

namespace clipscope {

/// The tree of a LayerTreeModel. Under the row of the layer that fails stands why, over the whole
/// width and in the warning colour.
class LayerTree : public QTreeView {
  Q_OBJECT

 public:
  explicit LayerTree(QWidget* parent = nullptr);

  /// Height of an ordinary row, and of a row with its message below, at this width.
  int rowHeight() const;
  int heightWith(const QString& message, int indent) const;

 protected:
  void drawRow(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
  void drawBranches(QPainter* painter, const QRect& rect, const QModelIndex& index) const override;
  void resizeEvent(QResizeEvent* event) override;
};

}  // namespace clipscope
