// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

class QPushButton;

namespace clipscope {

/// The network: a preset, and its layers with shapes and parameter counts.
class ModelSection : public DockSection {
  Q_OBJECT

 public:
  explicit ModelSection(QWidget* parent);
  void showSession(const Session& session) override;

  QPushButton* editButton() const { return m_edit; }

 signals:
  void editModelRequested();

 protected:
  void display(const Experiment& experiment) override;

 private:
  QComboBox* m_preset;
  QLabel* m_title;
  QGridLayout* m_layers;
  QPushButton* m_edit;
};

}  // namespace clipscope
