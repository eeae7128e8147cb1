// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QString>
#include <QWidget>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "engine/session/run_history.h"
#include "ui/plots/span_band.h"

class QCPItemStraightLine;
class QLabel;

namespace clipscope {

class Plot;

/// One number of the steps of several runs, a line each, over one axis of steps.
class LanePlot : public QWidget {
  Q_OBJECT

 public:
  struct Run {
    QString name;
    QColor colour;
    const RunHistory* history;
  };

  /// `isShare`: from 0 to 1, in percent.
  LanePlot(const QString& title, double StepSummary::*value, bool isShare, QWidget* parent);

  /// `step`: where the runs stand.
  void show(const std::vector<Run>& runs, Index step);
  using QWidget::show;
  /// A band over the steps that are selected.
  void setSpan(const std::optional<std::pair<Index, Index>>& steps);
  Plot* plot() const { return m_plot; }
  double StepSummary::*value() const { return m_value; }

 private:
  QString hoverText(double step) const;

  double StepSummary::*m_value;
  bool m_isShare;
  QString m_title;
  Plot* m_plot;
  QLabel* m_heading;
  QCPItemStraightLine* m_mark;
  std::unique_ptr<SpanBand> m_band;
  std::vector<QString> m_names;
  std::vector<std::vector<std::pair<Index, double>>> m_points;  ///< by run, those it has
};

}  // namespace clipscope
