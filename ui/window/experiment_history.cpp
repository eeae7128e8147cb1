// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/experiment_history.h"

namespace clipscope {

namespace {

constexpr std::size_t mostStates = 500;

QString shortValue(const nlohmann::json& value) {
  QString text = value.is_string() ? QString::fromStdString(value.get<std::string>())
                                   : QString::fromStdString(value.dump());
  if (text.size() > 24) text = text.left(23) + QStringLiteral("…");
  return text;
}

}  // namespace

QString describeChange(const Experiment& from, const Experiment& to) {
  const nlohmann::json a = toJson(from), b = toJson(to);
  for (const auto& change : nlohmann::json::diff(a, b)) {
    const std::string path = change.at("path");
    const nlohmann::json::json_pointer pointer(path);
    const QString name = QString::fromStdString(path.substr(path.rfind('/') + 1));
    if (!a.contains(pointer) || !b.contains(pointer)) return name;
    return QStringLiteral("%1 %2 → %3")
        .arg(name, shortValue(a.at(pointer)), shortValue(b.at(pointer)));
  }
  return {};
}

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
  return canUndo() ? describeChange(m_states[m_at], before()) : QString();
}

QString ExperimentHistory::redoText() const {
  return canRedo() ? describeChange(m_states[m_at], after()) : QString();
}

}  // namespace clipscope
