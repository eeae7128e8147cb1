// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

/// The adaptive threshold: off, one box; on, what moves C and what it costs.
class AdaptiveSection : public DockSection {
  Q_OBJECT

 public:
  explicit AdaptiveSection(QWidget* parent);
  void showSession(const Session& session) override;

 protected:
  void display(const Experiment& experiment) override;

 private:
  /// K, the groups that each have a count.
  Index groups(const ClippingSettings& clipping) const;

  QCheckBox* m_enabled;
  NumberEdit *m_quantile, *m_rate, *m_countStd, *m_min, *m_max;
  QComboBox* m_denominator;
  QLabel* m_cost;
  std::shared_ptr<const Model> m_model;
};

}  // namespace clipscope
