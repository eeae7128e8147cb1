// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QStringList>

#include "engine/session/run_history.h"
#include "engine/session/run_news.h"
#include "ui/panels/panel.h"

class QGridLayout;

namespace clipscope {

class HistoryPlot;

/// The run so far, step by step, in small plots over one axis of steps: the user chooses which. The
/// cursor stands at the step shown and scrubs through the others.
class HistoryPanel : public Panel {
  Q_OBJECT

 public:
  explicit HistoryPanel(Selection* selection, QWidget* parent = nullptr);

  /// The history that it shows; null, or outlives the panel. Its changes are drawn with the next
  /// record.
  void setHistory(const RunHistory* history);
  /// The other branches are drawn behind it, from the next record on.
  void setBranches(std::shared_ptr<const std::vector<BranchLine>> branches, int active);
  QString csv() const override;
  QSize pictureSize() const override { return {1100, 280}; }

  /// Which plots are shown, by the chart's id.
  QStringList shown() const;
  void setShown(const QString& id, bool shown);
  HistoryPlot* plot(const QString& id) const;
  const std::vector<HistoryPlot*>& plots() const { return m_plots; }

 signals:
  /// A step that was picked in a plot.
  void stepRequested(clipscope::Index step);

 protected:
  void showRecord() override;
  void showSelection() override;
  void addActions(QMenu& menu) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  void layOut();
  void request(Index step);
  void showSteps(double from, double to, const HistoryPlot* by);
  void fitSteps();
  void showSummary();
  void remember() const;

  const RunHistory* m_history = nullptr;
  QGridLayout* m_grid;
  std::vector<HistoryPlot*> m_plots;  ///< by chart
  std::vector<bool> m_shown;
  std::vector<HistoryPlot*> m_arrangement;  ///< as the grid has them, in m_columns columns
  int m_columns = 0;
  bool m_arranged = false;  ///< anew since the last drawing
  double m_from = 0, m_to = 1;
  bool m_followSteps = true;  ///< all steps are visible, until the user zooms
  bool m_scrubbing = false;
};

}  // namespace clipscope
