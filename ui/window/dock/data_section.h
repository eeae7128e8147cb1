// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

/// Where the examples come from, and how they are scaled and split.
class DataSection : public DockSection {
  Q_OBJECT

 public:
  explicit DataSection(QWidget* parent);
  void showSession(const Session& session) override;

 signals:
  void openDataRequested();

 protected:
  void display(const Experiment& experiment) override;

 private:
  QLabel *m_source, *m_counts, *m_privateNote;
  NumberEdit* m_testShare;
  QComboBox* m_normalise;
};

}  // namespace clipscope
