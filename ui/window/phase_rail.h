// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QWidget>
#include <array>
#include <memory>

#include "engine/training/step_record.h"

class QLabel;
class QPushButton;

namespace clipscope {

/// One phase of the rail: a pill with a tick when done and lit when it is the last one done, its
/// time below.
class PhaseChip : public QAbstractButton {
  Q_OBJECT

 public:
  enum class State { Waiting, Done, Current };

  PhaseChip(Phase phase, QWidget* parent);
  void show(State state, double seconds, bool joined);
  QSize sizeHint() const override;
  QSize minimumSizeHint() const override;

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  State m_state = State::Waiting;
  double m_seconds = 0;
  bool m_joined = false;
};

/// The top of the window: transport buttons, the eight phases, step and ε.
class PhaseRail : public QWidget {
  Q_OBJECT

 public:
  explicit PhaseRail(QWidget* parent = nullptr);

  void showRecord(const StepRecord& record);
  void showState(bool running, bool ready);
  PhaseChip* chip(Phase phase) const { return m_chips[static_cast<std::size_t>(phase)]; }
  QPushButton* runButton() const { return m_run; }
  QPushButton* stepButton() const { return m_step; }
  QPushButton* nextButton() const { return m_next; }

 signals:
  void runClicked();
  void stepClicked();
  void nextClicked();
  void resetClicked();
  void phaseClicked(clipscope::Phase phase);

 private:
  std::array<PhaseChip*, phaseCount> m_chips;
  QPushButton *m_run, *m_step, *m_next, *m_reset;
  QLabel *m_stepTitle, *m_epsilon;
};

}  // namespace clipscope
