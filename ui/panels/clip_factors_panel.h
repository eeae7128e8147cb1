// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>

#include "ui/panels/bar_walk.h"
#include "ui/panels/factor_histogram.h"
#include "ui/panels/panel.h"

class QComboBox;
class QCPBars;
class QCPGraph;
class QCPItemStraightLine;
class QCPItemText;
class QLabel;
class QToolButton;

namespace clipscope {

class GroupCurves;
class Plot;

/// Histogram of the clip factors with their cumulative curve on the right axis; for grouped
/// clipping also one group's factors, or the cumulative curves of all groups in one plot.
class ClipFactorsPanel : public Panel {
  Q_OBJECT

 public:
  /// What is shown instead of a group's number.
  static constexpr int wholeGradient = -1;
  static constexpr int everyGroup = -2;

  explicit ClipFactorsPanel(Selection* selection, QWidget* parent = nullptr);
  ~ClipFactorsPanel() override;

  QString csv() const override;
  const FactorHistogram& histogram() const { return m_histogram; }
  Plot* plot() const { return m_plot; }
  GroupCurves* curves() const { return m_curves.get(); }
  QComboBox* choice() const { return m_choice; }
  QToolButton* logButton() const { return m_log; }
  /// A group, wholeGradient or everyGroup.
  void showFactorsOf(int what);

 protected:
  void showRecord() override;
  void showSelection() override;
  void addActions(QMenu& menu) override;

 private:
  int shown() const;
  void fillChoices();
  void drawHistogram();
  void drawMarks();
  void fitAxes();
  void recolour();
  QString summaryText() const;
  QString hoverText(QPointF at) const;
  void selectBarAt(double x, bool add);
  void select(double low, double high, bool add);

  Plot* m_plot;
  QComboBox* m_choice;
  QToolButton* m_log;
  QLabel* m_legend;
  QCPBars *m_bars, *m_unclippedBar;
  QCPGraph *m_cumulative, *m_selected;
  QCPItemStraightLine *m_meanLine, *m_medianLine, *m_oneLine;
  QCPItemText *m_meanText, *m_medianText, *m_cutText;
  std::unique_ptr<GroupCurves> m_curves;
  FactorHistogram m_histogram;
  BarWalk m_walk;
  std::vector<std::string> m_groups;
};

}  // namespace clipscope
