// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

class QButtonGroup;

namespace clipscope {

class ClipSlider;
class ScheduleRows;

/// Grouping, strategy and thresholds.
class ClippingSection : public DockSection {
  Q_OBJECT

 public:
  explicit ClippingSection(QWidget* parent);

  ClipSlider* slider() const { return m_slider; }
  NumberEdit* maxGradNorm() const { return m_maxGradNorm; }
  QButtonGroup* grouping() const { return m_grouping; }
  QComboBox* strategy() const { return m_strategy; }

 signals:
  /// The segment Custom was pressed: the groups are to be made, or made anew.
  void groupsRequested();

 protected:
  void display(const Experiment& experiment) override;

 private:
  void addGroupings();

  QButtonGroup* m_grouping;
  QComboBox *m_strategy, *m_thresholds;
  NumberEdit *m_maxGradNorm, *m_constant;
  ScheduleRows* m_schedule;
  ClipSlider* m_slider;
};

}  // namespace clipscope
