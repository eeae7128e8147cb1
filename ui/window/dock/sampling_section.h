// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "ui/window/dock/dock_section.h"

namespace clipscope {

/// How a batch is drawn, how large it is, in what pieces it goes through the model and what that
/// takes, and which ε belongs to it.
class SamplingSection : public DockSection {
  Q_OBJECT

 public:
  explicit SamplingSection(QWidget* parent);
  void showSession(const Session& session) override;

 protected:
  void display(const Experiment& experiment) override;

 private:
  void showMemory(const Experiment& experiment);

  QComboBox* m_scheme;
  NumberEdit *m_batch, *m_rate, *m_physical;
  QLabel *m_memory, *m_validity;
  std::shared_ptr<const Model> m_model;
  Index m_trainExamples = 0;
};

}  // namespace clipscope
