// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "engine/session/dp_lint.h"

class QLabel;
class QToolButton;

namespace clipscope {

/// The sign of a severity, which is told apart without its colour too: ✕ ! i ✓ –.
QString lintSign(LintSeverity severity);
QColor lintColour(LintSeverity severity);
/// "error", in the user's language.
QString lintWord(LintSeverity severity);

/// One check: sign and title, what is so, and what would mend it.
class LintRow : public QWidget {
  Q_OBJECT

 public:
  explicit LintRow(QWidget* parent);

  void show(const LintFinding& finding);
  using QWidget::show;
  const LintFinding& finding() const { return m_finding; }
  QToolButton* button() const { return m_button; }

 signals:
  void settingRequested(const QString& path);

 protected:
  void changeEvent(QEvent* event) override;

 private:
  void colour();

  LintFinding m_finding;
  QLabel *m_sign, *m_title, *m_text, *m_remedy;
  QToolButton* m_button;
};

}  // namespace clipscope
