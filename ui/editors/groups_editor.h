// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

#include "ui/editors/groups_draft.h"

class QComboBox;
class QLabel;
class QMenu;
class QPushButton;
class QTreeWidgetItem;

namespace clipscope {

class GroupsTree;

/// Makes custom clipping groups: tensors are dragged from group to group, or moved by the menu and
/// the keyboard. What is not right yet is said as it happens, and keeps OK off.
class GroupsEditor : public QDialog {
  Q_OBJECT

 public:
  /// `record` gives the median norms; it may have reached any phase.
  GroupsEditor(const ClippingSettings& settings, std::shared_ptr<const StepRecord> record,
               QWidget* parent = nullptr);

  const GroupsDraft& draft() const { return m_draft; }
  GroupsTree* tree() const { return m_tree; }
  QLabel* problem() const { return m_problem; }
  QComboBox* rule() const { return m_rule; }
  QMenu* moveMenu() const { return m_moveMenu; }
  QPushButton* startButton() const { return m_start; }
  QPushButton* addButton() const { return m_add; }
  QPushButton* renameButton() const { return m_rename; }
  QPushButton* removeButton() const { return m_remove; }
  QPushButton* moveButton() const { return m_move; }
  QPushButton* okButton() const { return m_ok; }
  QMenu* startMenu() const { return m_startMenu; }

 signals:
  /// OK: the settings with the groups in force.
  void chosen(const clipscope::ClippingSettings& settings);

 protected:
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void fill();
  void fillMoveMenu();
  void showState();
  void moveTo(const std::vector<Index>& tensors, int group);
  void itemEdited(QTreeWidgetItem* item, int column);
  int currentGroup() const;

  std::shared_ptr<const StepRecord> m_record;
  GroupsDraft m_draft;
  GroupsTree* m_tree;
  QLabel *m_problem, *m_sensitivity;
  QComboBox* m_rule;
  QMenu *m_moveMenu, *m_startMenu;
  QPushButton *m_start, *m_add, *m_rename, *m_remove, *m_move, *m_ok;
  bool m_filling = false;
};

}  // namespace clipscope
