// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/session/lane_set.h"
#include "engine/session/loss_ladder.h"
#include "ui/panels/panel.h"

class QAction;
class QLabel;
class QMenu;
class QPushButton;
class QStackedWidget;
class QTableWidget;
class QToolButton;

namespace clipscope {

class LanePlot;
class LaneMaps;

/// Runs in lockstep with the one that the window drives: their numbers in a table, their curves
/// over the steps on one another, and the Layers map of each on one scale. One click adds the
/// rungs of the loss ladder, and a sentence says which part of privacy costs what.
class LanesPanel : public Panel {
  Q_OBJECT

 public:
  enum Column { Name, Change, Loss, Accuracy, Epsilon, Snr, Clipped, ColumnCount };
  enum class View { Curves, Layers };

  explicit LanesPanel(Selection* selection, QWidget* parent = nullptr);

  void setHistory(const RunHistory* history) { m_history = history; }
  void setExperiment(const Experiment& experiment);
  /// Whose they are: they may change until lanesChanged() says so.
  void setLanes(const std::vector<LaneView>* lanes) { m_lanes = lanes; }
  void lanesChanged();
  void setView(View view);

  QTableWidget* table() const { return m_table; }
  QPushButton* ladderButton() const { return m_ladder; }
  QMenu* addMenu() const { return m_addMenu; }
  /// What can be done with the lane chosen in the table.
  QAction* useAction() const { return m_use; }
  QAction* removeAction() const { return m_remove; }
  QLabel* sentence() const { return m_sentence; }
  const std::vector<LanePlot*>& plots() const { return m_plots; }
  LaneMaps* maps() const { return m_maps; }
  QSize pictureSize() const override { return {960, 560}; }
  QString csv() const override;

 signals:
  void addRequested(const std::vector<clipscope::LaneSettings>& lanes);
  void removeRequested(int id);
  void clearRequested();
  /// The lane's settings are to be the run's.
  void useRequested(int id);

 protected:
  void showRecord() override;
  void showSelection() override;
  void changeEvent(QEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void addActions(QMenu& menu) override;

 private:
  void fillAddMenu();
  void offer(const QString& text, const QString& name, const Experiment& experiment);
  void addLadder();
  void fillTable();
  void showSentence();
  /// What there is room for: columns, and rows of plots.
  void arrange();
  /// The lane of the row chosen; −1 for the run itself or none.
  int chosen() const;

  const RunHistory* m_history = nullptr;
  Experiment m_experiment;
  const std::vector<LaneView>* m_lanes = nullptr;
  QToolButton* m_add;
  QMenu* m_addMenu;
  QPushButton* m_ladder;
  QToolButton* m_lane;
  QAction *m_use, *m_remove;
  QToolButton *m_curvesButton, *m_layersButton;
  QTableWidget* m_table;
  QLabel* m_sentence;
  QLabel* m_help;
  QStackedWidget* m_views;
  std::vector<LanePlot*> m_plots;
  LaneMaps* m_maps;
};

}  // namespace clipscope
