// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

class QPushButton;

namespace clipscope {

/// Where the examples come from, and how they are scaled and split.
class DataSection : public DockSection {
  Q_OBJECT

 public:
  explicit DataSection(QWidget* parent);
  void showSession(const Session& session) override;

  QPushButton* browseButton() const { return m_browse; }
  QLabel* classLine() const { return m_classes; }

 signals:
  void openDataRequested();
  void browseDataRequested();

 protected:
  void display(const Experiment& experiment) override;

 private:
  void showClasses(const Dataset& data);

  QLabel *m_source, *m_counts, *m_privateNote, *m_classes;
  QPushButton* m_browse;
  NumberEdit* m_testShare;
  QComboBox* m_normalise;
};

}  // namespace clipscope
