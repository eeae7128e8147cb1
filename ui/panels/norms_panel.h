// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QList>

#include "ui/panels/norm_histogram.h"
#include "ui/panels/panel.h"

class QComboBox;
class QCPBars;
class QCPGraph;
class QCPItemText;
class QCPItemStraightLine;

namespace clipscope {

class Plot;
class PowerTicker;

/// Histogram of the per-sample norms before and after clipping on one axis, with the threshold.
class NormsPanel : public Panel {
  Q_OBJECT

 public:
  explicit NormsPanel(Selection* selection, QWidget* parent = nullptr);

  QString csv() const override;
  const NormHistogram& histogram() const { return m_histogram; }
  Plot* plot() const { return m_plot; }
  /// −1 for the whole gradient, or a trainable tensor.
  void showTensor(Index tensor);

 protected:
  void showRecord() override;
  void showSelection() override;
  void addActions(QMenu& menu) override;

 private:
  void fillChoices();
  void draw();
  void drawMarks();
  double topOfCounts();
  void recolour();
  void selectBetween(double low, double high, bool add);
  QString hoverText(QPointF at) const;

  Plot* m_plot;
  QComboBox* m_choice;
  QCPBars* m_before;
  QCPBars* m_after;
  QCPGraph* m_outline;
  QCPGraph* m_selected;
  QCPItemStraightLine* m_thresholdLine;
  QCPItemText* m_thresholdText;
  QList<QCPItemStraightLine*> m_quantileLines;
  QCPItemText* m_cutText;
  QCPItemText* m_medianText;
  NormHistogram m_histogram;
  std::vector<std::string> m_choices;
  int m_logarithmic = -1;
  bool m_logCounts = false;
};

}  // namespace clipscope
