// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

class ScheduleRows;

/// The update rule, with the fields that it reads and no others.
class OptimizerSection : public DockSection {
  Q_OBJECT

 public:
  explicit OptimizerSection(QWidget* parent);

 protected:
  void display(const Experiment& experiment) override;

 private:
  QComboBox* m_kind;
  NumberEdit *m_learningRate, *m_momentum, *m_dampening, *m_beta1, *m_beta2, *m_alpha, *m_eps,
      *m_adagradEps, *m_rateDecay, *m_accumulator, *m_weightDecay;
  QCheckBox *m_nesterov, *m_amsgrad, *m_centered;
  ScheduleRows* m_schedule;
};

}  // namespace clipscope
