// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractButton>
#include <QWidget>
#include <array>
#include <memory>

#include "engine/training/step_record.h"

class QLabel;
class QPushButton;
class QSlider;
class QVBoxLayout;

namespace clipscope {

class RunToPopup;
struct RunGoal;
struct RunPosition;

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

/// The top of the window: transport buttons, the speed of Run, the eight phases, step and ε.
class PhaseRail : public QWidget {
  Q_OBJECT

 public:
  explicit PhaseRail(QWidget* parent = nullptr);

  void showRecord(const StepRecord& record, const RunPosition& position);
  /// `readOnlyBecause`: known steps can be walked through, and nothing else.
  void showState(bool running, bool ready, const QString& readOnlyBecause,
                 const RunPosition& position);
  PhaseChip* chip(Phase phase) const { return m_chips[static_cast<std::size_t>(phase)]; }
  QPushButton* runButton() const { return m_run; }
  QPushButton* stepButton() const { return m_step; }
  QPushButton* nextButton() const { return m_next; }
  QPushButton* stepBackButton() const { return m_stepBack; }
  QPushButton* phaseBackButton() const { return m_phaseBack; }
  QPushButton* runToButton() const { return m_runTo; }
  RunToPopup* runToPopup() const { return m_popup; }
  QSlider* speedSlider() const { return m_speed; }
  QLabel* stepTitle() const { return m_stepTitle; }
  /// Opens the field that says how far to run.
  void askRunTo();

  /// The slider's scale: positions 0 … 100 are 1 … 1000 steps a second on a logarithmic scale; 0
  /// stands for as fast as it can, the slider's upper end.
  static double stepsPerSecond(int position);

 signals:
  void runClicked();
  void stepClicked();
  void nextClicked();
  void resetClicked();
  void stepBackClicked();
  void phaseBackClicked();
  void runToRequested(const clipscope::RunGoal& goal);
  void speedChanged(double stepsPerSecond);
  void phaseClicked(clipscope::Phase phase);

 private:
  void buildSpeed(QVBoxLayout* column);

  std::array<PhaseChip*, phaseCount> m_chips;
  QPushButton *m_stepBack, *m_phaseBack, *m_run, *m_step, *m_next, *m_runTo, *m_reset;
  QSlider* m_speed;
  QLabel *m_speedText, *m_stepTitle, *m_epsilon;
  RunToPopup* m_popup;
};

}  // namespace clipscope
