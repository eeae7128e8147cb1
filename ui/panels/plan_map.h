// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <optional>

#include "engine/accounting/planner.h"

class QCPColorMap;
class QCPColorScale;
class QCPGraph;

namespace clipscope {

class Plot;

/// A plan as a heat map: batch sizes across, steps up, at one privacy budget; the run's own point
/// and the one that was picked are marked. Cells without an answer stay empty.
class PlanMap : public QWidget {
  Q_OBJECT

 public:
  enum class Quantity { Sigma, Noise, PerExample };

  explicit PlanMap(QWidget* parent = nullptr);

  void show(const PlanGrid& grid, double batchSize, std::int64_t steps);
  using QWidget::show;
  void setQuantity(Quantity quantity);
  Quantity quantity() const { return m_quantity; }
  const PlanGrid& grid() const { return m_grid; }
  /// The point that was picked.
  const std::optional<PlanPoint>& picked() const { return m_picked; }
  double value(const PlanPoint& point) const;
  Plot* plot() const { return m_plot; }

 signals:
  void pickedChanged();

 private:
  void fill();
  void recolour();
  void pick(QPointF at);
  const PlanPoint* pointAt(QPointF at) const;
  QString hoverText(QPointF at) const;

  Plot* m_plot;
  QCPColorMap* m_map;
  QCPColorScale* m_scale;
  QCPGraph *m_run, *m_pick;
  PlanGrid m_grid;
  double m_runBatch = 0;
  std::int64_t m_runSteps = 0;
  Quantity m_quantity = Quantity::PerExample;
  std::optional<PlanPoint> m_picked;
};

/// "σ 1.32, noise 0.21, σ/B 0.0026".
QString planPointText(const PlanPoint& point);

}  // namespace clipscope
