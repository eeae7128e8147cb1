// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "ui/window/dock/dock_section.h"

class QLineEdit;

namespace clipscope {

/// The rows of one schedule inside a section: its kind, and the numbers that the kind reads. They
/// stand below the setting that they move over the steps.
class ScheduleRows : public QObject {
  Q_OBJECT

 public:
  /// `symbol` of the setting: "σ", "C", "η"; `low` the least value of it.
  ScheduleRows(DockSection* section, const QString& symbol, double low,
               Schedule ScheduleSettings::*schedule);

  void display(const Experiment& experiment);
  /// The schedule does not apply now, for a reason that the kind's tool tip gives.
  void setAvailable(bool available, const QString& reason = {});

 private:
  Schedule& of(Experiment& experiment) const { return experiment.schedules.*m_schedule; }

  DockSection* m_section;
  Schedule ScheduleSettings::*m_schedule;
  QComboBox* m_kind;
  NumberEdit *m_gamma, *m_every, *m_floor, *m_steps;
  QLineEdit* m_values;
  QString m_tip;
};

}  // namespace clipscope
