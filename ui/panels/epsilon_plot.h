// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "engine/session/privacy_curves.h"

class QCPGraph;
class QCPItemStraightLine;
class QCPItemText;
class QLabel;

namespace clipscope {

class Plot;

/// The label of an accountant, as the dock has it.
QString accountantLabel(const std::string& name);

/// ε by every accountant over one axis: upper bounds as lines, approximations dashed, and behind
/// the line of PRV the band that the true ε lies in. A legend in rich text above.
class EpsilonPlot : public QWidget {
  Q_OBJECT

 public:
  enum class Axis { Steps, Delta };

  explicit EpsilonPlot(Axis axis, QWidget* parent = nullptr);

  void show(const EpsilonOverSteps& curves, Index step);
  void show(const EpsilonOverDelta& curves, double delta);
  using QWidget::show;
  Plot* plot() const { return m_plot; }
  /// What the graphs hold, by accountant as in accountantNames().
  const std::vector<EpsilonCurve>& curves() const { return m_curves; }
  const std::vector<double>& deltas() const { return m_deltas; }

 private:
  struct Line {
    QCPGraph *done, *planned, *lower;
  };
  void setCurves(std::vector<double> positions, const std::vector<EpsilonCurve>& curves,
                 std::size_t done);
  void setMark(double position, const QString& text);
  void recolour();
  QString hoverText(QPointF at) const;

  Axis m_axis;
  Plot* m_plot;
  QLabel* m_legend;
  std::vector<Line> m_lines;
  QCPItemStraightLine* m_mark;
  QCPItemText* m_markText;
  std::vector<double> m_positions;
  std::vector<double> m_deltas;  ///< where the axis is of δ
  std::vector<EpsilonCurve> m_curves;
  std::size_t m_done = 0;
};

}  // namespace clipscope
