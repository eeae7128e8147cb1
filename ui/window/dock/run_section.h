// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

/// Seed, what is done every so many steps, and secure mode.
class RunSection : public DockSection {
  Q_OBJECT

 public:
  explicit RunSection(QWidget* parent);

 protected:
  void display(const Experiment& experiment) override;

 private:
  NumberEdit *m_seed, *m_evaluate, *m_refresh;
  QCheckBox* m_secure;
};

}  // namespace clipscope
