// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/noise/noise_fit.h"
#include "engine/training/step_record.h"

class QCPBars;
class QCPGraph;
class QLabel;

namespace clipscope {

class Plot;

/// Histogram of the drawn noise in units of its std, z/s_k, over what draws of N(0, 1) are expected
/// to count, and Pearson's test in words.
class NoiseNormal : public QWidget {
  Q_OBJECT

 public:
  explicit NoiseNormal(QWidget* parent = nullptr);

  void show(const NoisePart& noise);
  using QWidget::show;
  /// With no noise to show: says why.
  void showNothing(const QString& why);
  const NoiseFit& fit() const { return m_fit; }
  Plot* plot() const { return m_plot; }
  QString verdict() const;

 private:
  void recolour();

  Plot* m_plot;
  QCPBars* m_bars;
  QCPGraph* m_density;
  QLabel *m_verdict, *m_nothing;
  NoiseHistogram m_histogram;
  NoiseFit m_fit;
};

/// "✓ as N(0, 1)", "unusual, 1 in 350", for a p-value; "" for NaN.
QString fitInWords(double pValue);

}  // namespace clipscope
