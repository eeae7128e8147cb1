// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/experiment_history.h"

#include "engine/training/experiment_change.h"

namespace clipscope {

namespace {

constexpr std::size_t mostStates = 500;

}  // namespace

void ExperimentHistory::begin(const Experiment& experiment) {
  m_states = {experiment};
  m_at = 0;
}

void ExperimentHistory::add(const Experiment& experiment) {
  m_states.resize(m_at + 1);
  m_states.push_back(experiment);
  if (m_states.size() > mostStates) m_states.erase(m_states.begin());
  m_at = m_states.size() - 1;
}

void ExperimentHistory::follow(const Experiment& experiment) {
  for (std::size_t away = 0; away < m_states.size(); ++away) {
    if (away <= m_at && m_states[m_at - away] == experiment) {
      m_at -= away;
      return;
    }
    if (m_at + away < m_states.size() && m_states[m_at + away] == experiment) {
      m_at += away;
      return;
    }
  }
  add(experiment);
}

QString ExperimentHistory::undoText() const {
  return canUndo() ? QString::fromStdString(describeChange(m_states[m_at], before())) : QString();
}

QString ExperimentHistory::redoText() const {
  return canRedo() ? QString::fromStdString(describeChange(m_states[m_at], after())) : QString();
}

}  // namespace clipscope
