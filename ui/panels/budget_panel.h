// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "engine/training/what_if/error_budget.h"
#include "ui/panels/panel.h"

class QCPGraph;
class QCPItemStraightLine;
class QCPItemText;

namespace clipscope {

class Plot;
class ThresholdHandle;
class WhatIfState;

/// The error budget of the batch over C: bias², noise and sampling variance of the mean gradient,
/// and their sum with its least point, beside the median norm and the suggested thresholds. The
/// threshold can be dragged here too.
class BudgetPanel : public Panel {
  Q_OBJECT

 public:
  BudgetPanel(Selection* selection, WhatIfState* state, QWidget* parent = nullptr);

  QString csv() const override;
  Plot* plot() const { return m_plot; }
  ThresholdHandle* handle() const { return m_handle; }
  const std::vector<BudgetPoint>& curve() const { return m_curve; }

 protected:
  void showRecord() override;
  void showSelection() override {}
  void addActions(QMenu& menu) override;

 private:
  struct Mark {
    QCPItemStraightLine* line;
    QCPItemText* text;
    double value;
  };
  void showTried();
  void drawCurve();
  void drawMark(std::size_t which, const QString& text, double value, bool shown);
  /// Each to the side of its line on which no other line runs through it.
  void placeMarkTexts();
  void drawThreshold();
  void recolour();
  QString hoverText(QPointF at) const;

  WhatIfState* m_state;
  Plot* m_plot;
  ThresholdHandle* m_handle;
  QCPGraph *m_bias, *m_noise, *m_sampling, *m_total, *m_least;
  std::vector<Mark> m_marks;  ///< median, bound, exact
  std::shared_ptr<const ErrorBudget> m_budget;
  std::vector<BudgetPoint> m_curve;
  double m_low = 0, m_high = 0;  ///< of the total and its largest parts, for the fit
};

}  // namespace clipscope
