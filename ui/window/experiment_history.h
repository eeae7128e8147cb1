// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <vector>

#include "engine/training/experiment.h"

namespace clipscope {

/// The settings of a run as they were changed, for undo and redo. A change of settings acts from
/// the next step on; undoing it changes settings again and takes no step back.
class ExperimentHistory {
 public:
  /// Starts afresh with the experiment of a run that was opened.
  void begin(const Experiment& experiment);
  /// A change was made: what had been undone is forgotten.
  void add(const Experiment& experiment);

  /// A jump in time brought the settings of another step: the list stands where it had them (the
  /// nearest, if several times), or has them as a change.
  void follow(const Experiment& experiment);

  bool canUndo() const { return m_at > 0; }
  bool canRedo() const { return m_at + 1 < m_states.size(); }
  const Experiment& before() const { return m_states[m_at - 1]; }
  const Experiment& after() const { return m_states[m_at + 1]; }
  /// The settings in force are now one state further back, or forward.
  void moveBack() { --m_at; }
  void moveForward() { ++m_at; }

  /// What undo and redo would change: "max_grad_norm 0.5 → 1"; empty where there is nothing.
  QString undoText() const;
  QString redoText() const;

 private:
  std::vector<Experiment> m_states{Experiment{}};
  std::size_t m_at = 0;
};

}  // namespace clipscope
