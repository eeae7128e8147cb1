// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

class ScheduleRows;

/// σ, its schedule, and how the noise is shared out over groups.
class NoiseSection : public DockSection {
  Q_OBJECT

 public:
  explicit NoiseSection(QWidget* parent);

  /// Shows a σ that was found elsewhere and is not set yet.
  void preview(double sigma);

 signals:
  /// A σ after each key.
  void noiseMultiplierTyped(double sigma);

 protected:
  void display(const Experiment& experiment) override;

 private:
  NumberEdit* m_sigma;
  ScheduleRows* m_schedule;
  QComboBox* m_allocation;
};

}  // namespace clipscope
