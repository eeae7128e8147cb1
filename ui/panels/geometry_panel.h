// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/training/what_if/batch_geometry.h"
#include "ui/panels/panel.h"
#include "ui/worker/background.h"

class QCPBars;
class QCPGraph;
class QCPItemStraightLine;
class QLabel;

namespace clipscope {

class Plot;
class WhatIfState;

/// Directions of the batch's gradients: the two principal components with every gradient before
/// and after clipping and the means; how the gradients agree with their mean; the private
/// gradient's cosine against what a random direction would give; the gradient noise scale. It needs
/// the Gram matrices, which come at a pause.
class GeometryPanel : public Panel {
  Q_OBJECT

 public:
  GeometryPanel(Selection* selection, WhatIfState* state, QWidget* parent = nullptr);

  const BatchGeometry& geometry() const { return m_geometry; }
  Plot* components() const { return m_components; }
  Plot* cosines() const { return m_cosines; }
  QLabel* verdict() const { return m_verdict; }
  const std::vector<Index>& counts() const { return m_counts; }
  static constexpr int bins = 40;
  QSize pictureSize() const override { return {860, 460}; }
  QString csv() const override;

 protected:
  void showRecord() override;
  void showSelection() override;
  void finishWork() override { m_work.finishNow(); }

 private:
  struct Made {
    std::shared_ptr<const StepRecord> record;
    BatchGeometry geometry;
  };
  void take(const Made& made);
  void recolour();
  void selectNear(QPointF at, bool add);
  void selectIn(const QRectF& rectangle);
  Index exampleOf(std::size_t entry) const;
  QString hoverText(QPointF at) const;
  /// The nearest drawn gradient within a few pixels; none: rows.size().
  std::size_t nearest(QPointF at) const;

  WhatIfState* m_state;
  Background<Made> m_work;
  std::shared_ptr<const StepRecord> m_shown;  ///< what the geometry is of
  BatchGeometry m_geometry;
  std::vector<Index> m_counts;
  Plot *m_components, *m_cosines;
  QCPGraph *m_before, *m_after, *m_lit, *m_means[4];
  QCPBars* m_bars;
  QCPItemStraightLine* m_private;
  QLabel *m_legend, *m_verdict;
};

}  // namespace clipscope
