// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <deque>

#include "ui/panels/panel.h"

class QLabel;
class QTableView;

namespace clipscope {

class PairedBars;
class TimeTable;

/// Where a step's time goes: a bar a phase, beside the median of the steps shown last, and what
/// each layer took of the passes over the batch.
class TimePanel : public Panel {
  Q_OBJECT

 public:
  /// So many whole steps are remembered for the medians.
  static constexpr std::size_t remembered = 31;

  explicit TimePanel(Selection* selection, QWidget* parent = nullptr);

  QString csv() const override;
  PairedBars* bars() const { return m_bars; }
  TimeTable* table() const { return m_table; }

 protected:
  void showRecord() override;
  void showSelection() override {}
  void changeEvent(QEvent* event) override;

 private:
  void remember();
  void fillLegend();
  /// Seconds of a phase; NaN while no whole step was shown.
  double median(Phase phase) const;

  QLabel* m_legend;
  PairedBars* m_bars;
  TimeTable* m_table;
  QTableView* m_view;
  std::shared_ptr<const RunInfo> m_info;  ///< of the steps that are remembered
  Index m_step = 0;                       ///< the last that was remembered
  std::deque<std::array<double, phaseCount>> m_last;
};

}  // namespace clipscope
