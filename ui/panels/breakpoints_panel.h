// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/session/breakpoints.h"
#include "ui/panels/panel.h"

class QLabel;
class QLineEdit;
class QPushButton;
class QTableWidget;

namespace clipscope {

/// The list of breakpoints: conditions are typed, or put together from a menu; each can be switched
/// off, run past a number of times, changed and removed.
class BreakpointsPanel : public Panel {
  Q_OBJECT

 public:
  enum Column { On, Condition, Skip, Hits, ColumnCount };

  explicit BreakpointsPanel(Selection* selection, QWidget* parent = nullptr);

  void setBreakpoints(const std::vector<Breakpoint>& list);
  /// Marks the one that has stopped the run, until the next move.
  void markHit(const BreakHit& hit);
  QLineEdit* edit() const { return m_edit; }
  QTableWidget* table() const { return m_table; }
  QPushButton* addButton() const { return m_add; }
  QLabel* problem() const { return m_problem; }
  QString csv() const override;

 signals:
  void edited(const std::vector<clipscope::Breakpoint>& list);

 protected:
  void showRecord() override;
  void showSelection() override {}
  void addActions(QMenu& menu) override;
  void changeEvent(QEvent* event) override;

 private:
  void addTyped();
  void insert(const QString& text);
  void takeItem(int row, int column);
  void removeChosen();
  void fill();
  void showPage();

  std::vector<Breakpoint> m_breakpoints;
  std::optional<BreakHit> m_hit;
  QLineEdit* m_edit;
  QPushButton* m_add;
  QLabel* m_problem;
  QLabel* m_hint;
  QTableWidget* m_table;
  bool m_filling = false;
};

}  // namespace clipscope
