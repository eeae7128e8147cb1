// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "engine/training/step_record.h"

class QCPGraph;
class QLabel;

namespace clipscope {

class Plot;

/// A step in which an example was drawn.
struct ExamplePoint {
  Index step = 0;
  double before = 0, after = 0, factor = 0, loss = 0;
  /// Of this example alone up to here (individual accounting): estimate and bound; NaN for unknown.
  double epsilon = notANumber, epsilonBound = notANumber;
};

/// An example's history: its norm before and after clipping and its clip factor over the steps in
/// which it was drawn, and what they have cost it.
class ExampleTrack : public QWidget {
  Q_OBJECT

 public:
  explicit ExampleTrack(QWidget* parent = nullptr);

  /// Points in the order of steps; `steps`: how many were recorded in all.
  void show(const std::vector<ExamplePoint>& points, Index steps);
  using QWidget::show;
  Plot* plot() const { return m_plot; }
  Plot* factorPlot() const { return m_factorPlot; }
  Plot* epsilonPlot() const { return m_epsilonPlot; }
  QString heading() const;

 private:
  void recolour();
  void showEpsilon();
  QString hoverText(double step) const;

  QLabel *m_heading, *m_epsilonHeading;
  Plot *m_plot, *m_factorPlot, *m_epsilonPlot;
  QCPGraph *m_before, *m_after, *m_factor, *m_epsilon, *m_bound;
  std::vector<ExamplePoint> m_points;
};

}  // namespace clipscope
