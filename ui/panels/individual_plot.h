// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <vector>

#include "engine/session/individual_privacy.h"

class QCPBars;
class QCPGraph;
class QCPItemStraightLine;
class QCPItemText;
class QLabel;

namespace clipscope {

class Plot;
class Selection;

/// How ε of single examples is spread: the estimate as bars, the bound as an outline, and the ε of
/// one that always uses the whole sensitivity as a line. Selected examples are marked.
class IndividualPlot : public QWidget {
  Q_OBJECT

 public:
  explicit IndividualPlot(Selection* selection, QWidget* parent = nullptr);

  /// `examples`: the dataset indices that are trained on.
  void show(const IndividualPrivacy& privacy, std::vector<Index> examples);
  using QWidget::show;
  void showSelection();
  Plot* plot() const { return m_plot; }
  double medianEstimate() const { return m_median; }
  const IndividualPrivacy& privacy() const { return m_privacy; }
  const std::vector<Index>& examples() const { return m_examples; }
  Index countAt(std::size_t bin) const { return m_estimates[bin]; }

 private:
  void recolour();
  QString hoverText(QPointF at) const;
  double binWidth() const;

  Selection* m_selection;
  Plot* m_plot;
  QLabel* m_legend;
  QCPBars* m_bars;
  QCPGraph *m_outline, *m_selected;
  QCPItemStraightLine* m_worst;
  QCPItemText* m_worstText;
  IndividualPrivacy m_privacy;
  std::vector<Index> m_examples;
  std::vector<Index> m_estimates, m_bounds;  ///< by bin
  double m_median = 0;
};

}  // namespace clipscope
