// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "ui/panels/bar_walk.h"
#include "ui/panels/norm_histogram.h"
#include "ui/panels/panel.h"

class QComboBox;
class QCPBars;
class QCPGraph;
class QCPItemText;

namespace clipscope {

class NormMarks;
class Plot;
class ThresholdHandle;
class WhatIfState;

/// Histogram of the per-sample norms before and after clipping on one axis, with the threshold. The
/// threshold can be dragged: the bars after clipping and the numbers then follow what is tried.
class NormsPanel : public Panel {
  Q_OBJECT

 public:
  explicit NormsPanel(Selection* selection, QWidget* parent = nullptr);
  ~NormsPanel() override;
  /// Without one the threshold cannot be moved. Once, before the first record.
  void setWhatIf(WhatIfState* state);

  QString csv() const override;
  const NormHistogram& histogram() const { return m_histogram; }
  Plot* plot() const { return m_plot; }
  ThresholdHandle* handle() const { return m_handle; }
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
  void drawThreshold();
  void showTried();
  void moveThreshold(double threshold);
  bool isTrying() const;
  Index tensor() const;
  TriedClipping tried() const;
  QString summaryOfRecord() const;
  double topOfCounts();
  void recolour();
  void selectBarAt(double x, bool add);
  void selectBetween(double low, double high, bool add);
  QString hoverText(QPointF at) const;

  Plot* m_plot;
  QComboBox* m_choice;
  QCPBars* m_before;
  QCPBars* m_after;
  QCPGraph* m_outline;
  QCPGraph* m_selected;
  QCPItemText* m_cutText;
  std::unique_ptr<NormMarks> m_marks;
  ThresholdHandle* m_handle;
  WhatIfState* m_whatIf = nullptr;
  NormHistogram m_histogram;
  BarWalk m_walk;
  std::vector<std::string> m_choices;
  int m_logarithmic = -1;
  bool m_logCounts = false;
  bool m_allQuantiles = false;
};

}  // namespace clipscope
