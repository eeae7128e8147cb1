// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "ui/panels/noise_table.h"

class QCPBars;
class QCPGraph;
class QCPItemRect;
class QCPItemText;
class QScrollBar;

namespace clipscope {

class Plot;

/// Paired bars by tensor on a logarithmic axis: signal and noise, with the expected noise as a tick
/// and the SNR at the right. Where there are more rows than have room, a scroll bar moves through
/// them.
class NoiseBars : public QWidget {
  Q_OBJECT

 public:
  explicit NoiseBars(QWidget* parent = nullptr);

  void show(const NoiseTable& table);
  /// Lights the rows of these tensors.
  void light(const std::vector<std::string>& tensors);
  using QWidget::show;
  Plot* plot() const { return m_plot; }
  QScrollBar* scrollBar() const { return m_scroll; }
  /// Rows that are in view now.
  int visibleRows() const;
  /// What the axis at the right says of a row: its SNR, and for grouped clipping its s_k.
  QString rightText(std::size_t row) const;

 signals:
  /// A row was clicked; with Ctrl `add`.
  void tensorClicked(const std::string& name, bool add);

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  void draw();
  void fitRows();
  void fillLabels();
  void recolour();
  QString hoverText(QPointF at) const;
  double position(double value) const;

  Plot* m_plot;
  QScrollBar* m_scroll;
  QCPBars *m_signal, *m_noise;
  QCPGraph* m_expected;
  QCPItemText* m_head;
  NoiseTable m_table;
  std::vector<std::string> m_lit;
  std::vector<QCPItemRect*> m_bands;  ///< behind the rows that are lit
};

}  // namespace clipscope
