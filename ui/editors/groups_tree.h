// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTreeWidget>
#include <vector>

#include "engine/tensor/shape.h"

namespace clipscope {

/// Groups as rows with their tensors below them. Tensors are dragged from group to group; what a
/// drop means is the editor's affair.
class GroupsTree : public QTreeWidget {
  Q_OBJECT

 public:
  enum Column { Name, Size, Median, Threshold, columnCount_ };
  static constexpr int tensorRole = Qt::UserRole;  ///< a tensor's trainable index
  static constexpr const char* mimeName = "application/x-clipscope-tensors";

  explicit GroupsTree(QWidget* parent = nullptr);

  /// Thresholds can be typed in.
  void setThresholdsEditable(bool editable) { m_thresholdsEditable = editable; }
  /// The tensors selected, and those of groups selected.
  std::vector<Index> selectedTensors() const;
  /// The group of a row, whether it is a group's or a tensor's; −1 for none.
  int groupOf(const QTreeWidgetItem* item) const;

 signals:
  void tensorsDropped(const std::vector<clipscope::Index>& tensors, int group);

 protected:
  QStringList mimeTypes() const override { return {QString::fromLatin1(mimeName)}; }
  QMimeData* mimeData(const QList<QTreeWidgetItem*>& items) const override;
  bool edit(const QModelIndex& index, EditTrigger trigger, QEvent* event) override;
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dragMoveEvent(QDragMoveEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  bool m_thresholdsEditable = false;
};

}  // namespace clipscope
