// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <array>

#include "engine/training/phase.h"
#include "ui/worker/training_worker.h"

class QComboBox;
class QGridLayout;
class QPushButton;

namespace clipscope {

class NumberEdit;

/// Asks how far to run: to a step, until ε or the loss reaches a value, or to a phase of this step.
/// Return in a field, or the button beside it, starts.
class RunToPopup : public QFrame {
  Q_OBJECT

 public:
  explicit RunToPopup(QWidget* parent);

  void openBelow(QWidget* anchor);
  void showPosition(const RunPosition& position);
  NumberEdit* stepField() const { return m_step; }
  NumberEdit* epsilonField() const { return m_epsilon; }
  NumberEdit* lossField() const { return m_loss; }
  QComboBox* phaseChoice() const { return m_phase; }
  QPushButton* goButton(int row) const { return m_go[static_cast<std::size_t>(row)]; }

 signals:
  void goalChosen(const clipscope::RunGoal& goal);
  void phaseChosen(clipscope::Phase phase);

 private:
  void addRow(QGridLayout* grid, const QString& text, QWidget* field, const QString& tip);
  void choose(const RunGoal& goal);

  NumberEdit *m_step, *m_epsilon, *m_loss;
  QComboBox* m_phase;
  std::array<QPushButton*, 4> m_go{};
  int m_rows = 0;
  RunPosition m_position;
  bool m_stepTyped = false;  ///< the step's number is the user's, and stays
};

}  // namespace clipscope
