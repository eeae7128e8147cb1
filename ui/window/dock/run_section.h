// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

/// δ and the accountant.
class PrivacySection : public DockSection {
  Q_OBJECT

 public:
  explicit PrivacySection(QWidget* parent);

 protected:
  void display(const Experiment& experiment) override;

 private:
  NumberEdit* m_delta;
  QComboBox* m_accountant;
};

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
