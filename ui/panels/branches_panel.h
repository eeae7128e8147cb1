// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <vector>

#include "engine/session/run_news.h"
#include "ui/panels/panel.h"

class QTreeWidget;
class QTreeWidgetItem;

namespace clipscope {

/// The branches of a run as a tree: what each changed, and how far it came. A double click goes to
/// one; names are edited in place.
class BranchesPanel : public Panel {
  Q_OBJECT

 public:
  enum Column { Name, Steps, Change, Loss, Epsilon, Accuracy, ColumnCount };

  explicit BranchesPanel(Selection* selection, QWidget* parent = nullptr);

  /// All branches, and the one that the run is on with the newest step of it.
  void setBranches(std::shared_ptr<const std::vector<BranchLine>> branches, int active);
  /// What can be looked at only has no names to edit and nothing to prune.
  void setReadOnly(bool readOnly);
  /// The newest step of the active branch, as the history has it.
  void setNewest(const StepSummary* newest);

  QString csv() const override;
  QTreeWidget* tree() const { return m_tree; }

 signals:
  void chosen(int branch);
  void renamed(int branch, const QString& name);
  void pruneRequested(int branch, const QString& name);

 protected:
  void showRecord() override;
  void showSelection() override {}
  void addActions(QMenu& menu) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void rebuild();
  void fitColumns();
  void fill(QTreeWidgetItem* item, const BranchLine& line) const;
  const BranchLine* lineOf(const QTreeWidgetItem* item) const;
  void askPrune();

  QTreeWidget* m_tree;
  std::shared_ptr<const std::vector<BranchLine>> m_branches;
  std::optional<StepSummary> m_newest;
  int m_active = 0;
  bool m_readOnly = false;
  bool m_filling = false;
};

}  // namespace clipscope
