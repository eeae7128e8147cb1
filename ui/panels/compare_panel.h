// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/session/lane_set.h"
#include "ui/panels/compare_plot.h"
#include "ui/panels/compare_set.h"
#include "ui/panels/panel.h"

class QButtonGroup;
class QComboBox;
class QLabel;
class QTableView;
class QToolButton;

namespace clipscope {

class ClipSlider;
class CompareEditor;
class CompareTable;

/// Several clippings of the batch that is shown, with the same noise draw, without training: a
/// picture of two of them at the left, the table of all at the right; in a narrow panel one or the
/// other.
class ComparePanel : public Panel {
  Q_OBJECT

 public:
  using View = ComparePlot::View;

  ComparePanel(Selection* selection, WhatIfState* state, QWidget* parent = nullptr);

  QString csv() const override;
  QSize pictureSize() const override { return {860, 460}; }
  const CompareSet& set() const { return m_set; }
  /// The columns of last time, and from now on they are kept for the next.
  void keepColumns();
  /// C, or one C_k, of all columns that follow the experiment's.
  ClipSlider* slider() const { return m_slider; }
  ComparePlot* plot() const { return m_plot; }
  QTableView* table() const { return m_table; }
  QComboBox* xColumn() const { return m_x; }
  QComboBox* yColumn() const { return m_y; }
  QToolButton* viewButton(ComparePlot::View view) const;
  QToolButton* tableButton() const { return m_tableButton; }

  /// Opens the popup that edits a column.
  CompareEditor* editColumn(std::size_t column);
  void setColumn(std::size_t column, const CompareColumn& value);
  void addColumn();
  void removeColumn(std::size_t column);
  /// Makes a column the experiment's setting.
  void useColumn(std::size_t column);
  /// Asks for a lane with the clipping and noise of a column; of all that differ from the run.
  void runAsLane(std::size_t column);
  void runAllAsLanes();
  /// The entries of a column's menu.
  void fillColumnMenu(QMenu& menu, std::size_t column);

 signals:
  /// Columns are to be runs of their own, in lockstep with this one.
  void lanesRequested(const std::vector<clipscope::LaneSettings>& lanes);

 protected:
  void showRecord() override;
  void showSelection() override { m_plot->showSelection(); }
  void addActions(QMenu& menu) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void buildHead();
  LaneSettings laneOf(std::size_t column) const;
  void fillColumns();
  void columnsChanged();
  void showNumbers();
  void arrange();
  void openColumnMenu(int section);
  void showLegend();

  WhatIfState* m_state;
  CompareSet m_set;
  ClipSlider* m_slider;
  QWidget* m_axes;
  bool m_keeps = false;
  ComparePlot* m_plot;
  CompareTable* m_model;
  QTableView* m_table;
  QWidget* m_left;
  QComboBox *m_x, *m_y;
  QButtonGroup* m_views;
  QToolButton *m_tableButton, *m_columns;
  QLabel* m_legend;
};

}  // namespace clipscope
