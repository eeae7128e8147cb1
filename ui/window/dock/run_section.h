// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

/// Seed and evaluation.
class RunSection : public DockSection {
  Q_OBJECT

 public:
  explicit RunSection(QWidget* parent);

 protected:
  void display(const Experiment& experiment) override;

 private:
  NumberEdit *m_seed, *m_evaluate;
};

}  // namespace clipscope
