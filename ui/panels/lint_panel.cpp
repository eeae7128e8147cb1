// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/lint_panel.h"

#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "engine/interchange/csv_rows.h"
#include "ui/panels/lint_row.h"

namespace clipscope {

LintPanel::LintPanel(Selection* selection, QWidget* parent) : Panel(tr("Lint"), selection, parent) {
  m_scroll = new QScrollArea(this);
  m_scroll->setWidgetResizable(true);
  m_scroll->setFrameShape(QFrame::NoFrame);
  m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  m_scroll->setAccessibleName(tr("Checks of the step"));
  auto* content = new QWidget;
  m_list = new QVBoxLayout(content);
  m_list->setContentsMargins(0, 0, 6, 0);
  m_list->setSpacing(0);
  m_list->addStretch(1);
  m_scroll->setWidget(content);
  body()->addWidget(m_scroll, 1);
  setEmptyText(tr("Opening…"));
}

void LintPanel::setExperiment(const Experiment& experiment) {
  m_experiment = experiment;
  if (record()) setRecord(record());
}

std::vector<LintFinding> LintPanel::findings() const {
  if (!record()) return {};
  auto found = dpLint(m_experiment, *record());
  std::ranges::stable_sort(found, std::greater(), &LintFinding::severity);
  return found;
}

QString LintPanel::count(const std::vector<LintFinding>& findings) {
  QStringList parts;
  for (const LintSeverity severity :
       {LintSeverity::Error, LintSeverity::Warning, LintSeverity::Note}) {
    const auto n = std::ranges::count(findings, severity, &LintFinding::severity);
    if (n == 0) continue;
    const QString word = lintWord(severity);
    parts << (n == 1 ? tr("1 %1").arg(word) : tr("%1 %2s").arg(n).arg(word));
  }
  return parts.join(QStringLiteral(" · "));
}

void LintPanel::showRecord() {
  setEmptyText(QString());
  const auto found = findings();
  while (m_rows.size() < found.size()) {
    auto* row = new LintRow(m_scroll->widget());
    connect(row, &LintRow::settingRequested, this, &LintPanel::settingRequested);
    m_list->insertWidget(static_cast<int>(m_rows.size()), row);
    m_rows.push_back(row);
  }
  for (std::size_t k = 0; k < found.size(); ++k) m_rows[k]->show(found[k]);
  const QString text = count(found);
  setSummary(text.isEmpty() ? tr("nothing found") : text);
}

QString LintPanel::csv() const {
  std::string text("check,severity,text,remedy,setting\n");
  for (const LintFinding& finding : findings()) {
    text +=
        std::string(finding.check) + ',' + std::string(lintSeverityName(finding.severity)) + ',';
    appendText(text, finding.text);
    text += ',';
    appendText(text, finding.remedy);
    text += ',' + std::string(finding.setting) + '\n';
  }
  return QString::fromStdString(text);
}

}  // namespace clipscope
