// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/lint_row.h"

#include <QEvent>
#include <QGridLayout>
#include <QLabel>
#include <QToolButton>

#include "ui/theme.h"

namespace clipscope {

QString lintSign(LintSeverity severity) {
  switch (severity) {
    case LintSeverity::Error:
      return QStringLiteral("✕");
    case LintSeverity::Warning:
      return QStringLiteral("!");
    case LintSeverity::Note:
      return QStringLiteral("i");
    case LintSeverity::Passed:
      return QStringLiteral("✓");
    case LintSeverity::Unknown:
      break;
  }
  return QStringLiteral("–");
}

QColor lintColour(LintSeverity severity) {
  const Theme& t = Theme::current();
  switch (severity) {
    case LintSeverity::Error:
      return t.threshold;
    case LintSeverity::Warning:
      return t.category(1);
    case LintSeverity::Note:
      return t.accent;
    case LintSeverity::Passed:
      return t.good;
    case LintSeverity::Unknown:
      break;
  }
  return t.dim;
}

QString lintWord(LintSeverity severity) {
  switch (severity) {
    case LintSeverity::Error:
      return LintRow::tr("error");
    case LintSeverity::Warning:
      return LintRow::tr("warning");
    case LintSeverity::Note:
      return LintRow::tr("note");
    case LintSeverity::Passed:
      return LintRow::tr("passed");
    case LintSeverity::Unknown:
      break;
  }
  return LintRow::tr("not known");
}

LintRow::LintRow(QWidget* parent) : QWidget(parent) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(0, 3, 0, 5);
  grid->setHorizontalSpacing(8);
  grid->setVerticalSpacing(1);
  grid->setColumnStretch(1, 1);
  m_sign = new QLabel(this);
  m_sign->setFixedWidth(18);
  m_sign->setAlignment(Qt::AlignHCenter | Qt::AlignVCenter);
  m_title = new QLabel(this);
  m_text = new QLabel(this);
  m_remedy = new QLabel(this);
  m_remedy->setObjectName(QStringLiteral("hint"));
  for (QLabel* label : {m_title, m_text, m_remedy}) {
    label->setWordWrap(true);
    if (label != m_title) label->setTextInteractionFlags(Qt::TextSelectableByMouse);
    label->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  }
  QFont bold = m_title->font();
  bold.setBold(true);
  m_title->setFont(bold);
  m_sign->setFont(bold);
  m_button = new QToolButton(this);
  m_button->setText(tr("Setting ›"));
  m_button->setToolTip(tr("Go to the setting that decides it"));
  m_button->setAutoRaise(true);
  grid->addWidget(m_sign, 0, 0);
  grid->addWidget(m_title, 0, 1);
  grid->addWidget(m_button, 0, 2, Qt::AlignTop);
  grid->addWidget(m_text, 1, 1, 1, 2);
  grid->addWidget(m_remedy, 2, 1, 1, 2);
  connect(m_button, &QToolButton::clicked, this, [this] {
    emit settingRequested(QString::fromUtf8(m_finding.setting.data(),
                                            static_cast<qsizetype>(m_finding.setting.size())));
  });
}

void LintRow::show(const LintFinding& finding) {
  m_finding = finding;
  m_sign->setText(lintSign(finding.severity));
  m_sign->setToolTip(lintWord(finding.severity));
  const QString title =
      QString::fromUtf8(finding.title.data(), static_cast<qsizetype>(finding.title.size()));
  m_title->setText(title);
  m_text->setText(QString::fromStdString(finding.text));
  m_remedy->setText(QString::fromStdString(finding.remedy));
  m_remedy->setVisible(!finding.remedy.empty());
  m_button->setVisible(!finding.setting.empty());
  m_button->setAccessibleName(tr("Setting of: %1").arg(title));
  setAccessibleName(tr("%1: %2").arg(title, lintWord(finding.severity)));
  setAccessibleDescription(m_text->text());
  colour();
}

void LintRow::colour() {
  // The window's style sheet is above any palette.
  const auto paint = [](QLabel* label, const QColor& colour) {
    const QString sheet = QStringLiteral("color: %1").arg(colour.name());
    if (label->styleSheet() != sheet) label->setStyleSheet(sheet);
  };
  const Theme& t = Theme::current();
  const bool isQuiet = m_finding.severity <= LintSeverity::Passed;
  paint(m_sign, lintColour(m_finding.severity));
  paint(m_title, isQuiet ? t.dim : t.ink);
  paint(m_text, isQuiet ? t.dim : t.ink);
}

void LintRow::changeEvent(QEvent* event) {
  QWidget::changeEvent(event);
  if (event->type() == QEvent::PaletteChange) colour();
}

}  // namespace clipscope
