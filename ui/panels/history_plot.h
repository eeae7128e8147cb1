// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <utility>

#include "engine/session/run_history.h"
#include "ui/panels/history_chart.h"
#include "ui/panels/history_overlay.h"
#include "ui/plots/min_max_levels.h"
#include "ui/plots/plot.h"
#include "ui/plots/span_band.h"

namespace clipscope {

/// One of History's small plots: its numbers over the steps, drawn from the extremes of each pixel
/// column, with a cursor at the step shown. Dragging the cursor or a click asks for a step, and so
/// do the arrow keys; the wheel zooms the steps and, over the vertical axis, the values, which
/// otherwise follow what is visible.
class HistoryPlot : public Plot {
  Q_OBJECT

 public:
  HistoryPlot(const HistoryChart& chart, QWidget* parent = nullptr);

  const HistoryChart& chart() const { return m_chart; }
  /// Null, or outlives the plot.
  void setHistory(const RunHistory* history);
  /// Takes in what the history has got since.
  void refresh();
  /// The branches of the run, of which the history is `active`.
  void setBranches(std::shared_ptr<const std::vector<BranchLine>> branches, int active);
  const HistoryOverlay& overlay() const { return m_overlay; }
  /// A word beside the title; "" for none.
  void setMark(const QString& mark);
  void setStep(Index step);
  /// A band over the steps that are selected.
  void setSpan(const std::optional<std::pair<Index, Index>>& steps);
  Index step() const { return m_cursor; }
  void setLogarithmic(bool logarithmic);
  bool isLogarithmic() const { return m_logarithmic; }
  /// The visible steps, without a stepsChanged().
  void showSteps(double from, double to);
  /// Values follow the visible steps again.
  void followValues();
  /// What is drawn of a series: for tests.
  QVector<QPointF> drawn(std::size_t series) const;
  /// The values of the step nearest to a place on the axis, by name; empty beside the run.
  QString hoverText(double x) const;

 signals:
  void stepRequested(clipscope::Index step);
  /// The visible steps, changed by wheel or drag.
  void stepsChanged(double from, double to);
  /// Steps selected by Shift and the keys that move the cursor.
  void spanChosen(clipscope::Index first, clipscope::Index last);
  /// Dragging the cursor began and ended.
  void scrubbing(bool on);

 protected:
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;

 private:
  double value(std::size_t series, std::size_t index) const {
    return m_history->summaries()[index].*m_chart.series[series].value;
  }
  double position(double value) const;
  MinMax extremes(std::size_t series, std::size_t from, std::size_t to) const;
  void draw();
  void drawSeries(std::size_t series, std::size_t from, std::size_t to, int columns);
  void fitValues(std::size_t from, std::size_t to);
  void recolour();
  void placeLegend();
  /// By so many steps at the end that moves; from the cursor where nothing is selected.
  void extendSpan(Index by);

  Index stepAt(double x) const;
  bool isAtCursor(double x) const;

  HistoryChart m_chart;
  HistoryOverlay m_overlay;
  const RunHistory* m_history = nullptr;
  Index m_revision = -1;
  std::vector<MinMaxLevels> m_levels;
  std::vector<QCPGraph*> m_graphs;
  QCPItemText* m_title;
  std::optional<std::pair<Index, Index>> m_span;
  Index m_anchor = 0, m_edge = 0;  ///< its ends: the one that stays, and the one that keys move
  QString m_mark;                  ///< beside the title, "simulated"
  std::vector<QCPItemText*> m_legend;
  std::vector<bool> m_isEmpty;  ///< by series: no value at all, so no place in the legend
  QCPItemText* m_note;
  QCPItemStraightLine* m_cursorLine;
  QSharedPointer<QCPAxisTicker> m_plainTicker;
  QSharedPointer<PowerTicker> m_powerTicker;
  SpanBand m_band{this};
  Index m_cursor = 0;
  bool m_logarithmic = false;
  bool m_userValues = false;
  bool m_setting = false;  ///< a range is set by the program
  bool m_scrubbing = false;
};

}  // namespace clipscope
