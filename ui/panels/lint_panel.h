// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "engine/session/dp_lint.h"
#include "ui/panels/panel.h"

class QScrollArea;
class QVBoxLayout;

namespace clipscope {

class LintRow;

/// The checks of the step shown: the gravest first, each with its numbers, what would mend it, and
/// a way to the setting that decides it.
class LintPanel : public Panel {
  Q_OBJECT

 public:
  explicit LintPanel(Selection* selection, QWidget* parent = nullptr);

  /// The settings that the step had, as far as the window knows.
  void setExperiment(const Experiment& experiment);
  /// Of the record given last; also while the panel is hidden.
  std::vector<LintFinding> findings() const;
  /// "1 error · 2 warnings"; "" where nothing is wrong.
  static QString count(const std::vector<LintFinding>& findings);
  const std::vector<LintRow*>& rows() const { return m_rows; }
  QString csv() const override;

 signals:
  /// A row's button: "clipping.max_grad_norm".
  void settingRequested(const QString& path);

 protected:
  void showRecord() override;
  void showSelection() override {}

 private:
  Experiment m_experiment;
  QScrollArea* m_scroll;
  QVBoxLayout* m_list;
  std::vector<LintRow*> m_rows;
};

}  // namespace clipscope
