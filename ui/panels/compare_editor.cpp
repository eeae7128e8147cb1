// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/compare_editor.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLineEdit>
#include <cmath>

namespace clipscope {

CompareEditor::CompareEditor(const CompareColumn& column, bool hasCustomGroups, QWidget* parent)
    : QFrame(parent, Qt::Popup), m_column(column) {
  setObjectName(QStringLiteral("card"));
  setAttribute(Qt::WA_StyledBackground);
  setAttribute(Qt::WA_DeleteOnClose);
  setAccessibleName(tr("Column of the comparison"));
  auto* form = new QFormLayout(this);
  form->setContentsMargins(12, 10, 12, 12);
  form->setHorizontalSpacing(12);
  form->setVerticalSpacing(6);
  const auto combo = [&](const QString& label, const QString& tip) {
    auto* box = new QComboBox(this);
    box->setAccessibleName(label);
    box->setToolTip(tip);
    form->addRow(label, box);
    return box;
  };
  m_grouping = combo(tr("Grouping"), tr("Which parameters share one threshold"));
  const std::pair<GroupingKind, QString> groupings[] = {
      {GroupingKind::Flat, tr("Flat")},
      {GroupingKind::PerLayer, tr("Per layer")},
      {GroupingKind::PerParameter, tr("Per parameter")},
      {GroupingKind::Custom, tr("Custom groups")}};
  for (const auto& [kind, text] : groupings)
    if (kind != GroupingKind::Custom || hasCustomGroups)
      m_grouping->addItem(text, static_cast<int>(kind));
  m_grouping->setCurrentIndex(m_grouping->findData(static_cast<int>(column.grouping)));
  m_strategy = combo(tr("Strategy"), tr("The rule for clip factors"));
  for (const std::string& name : strategyNames()) {
    const auto strategy = makeStrategy(name, {});
    m_strategy->addItem(QString::fromUtf8(strategy->title().data(),
                                          static_cast<qsizetype>(strategy->title().size())),
                        QString::fromStdString(name));
  }
  m_strategy->setCurrentIndex(m_strategy->findData(QString::fromStdString(column.strategy)));
  m_thresholds =
      combo(tr("Thresholds C_k"), tr("How C is shared out over the groups; Σ C_k² = C²"));
  const std::pair<ThresholdRule, QString> rules[] = {
      {ThresholdRule::Equal, tr("Equal, C/√K")},
      {ThresholdRule::SqrtDimension, tr("∝ √d_k")},
      {ThresholdRule::Median, tr("∝ median norm of this batch")}};
  for (const auto& [rule, text] : rules) m_thresholds->addItem(text, static_cast<int>(rule));
  m_thresholds->setCurrentIndex(m_thresholds->findData(static_cast<int>(column.thresholds)));
  m_allocation = combo(tr("Noise"), tr("How the noise is shared out over the groups; all have the "
                                       "privacy of σ"));
  const std::pair<NoiseAllocation, QString> allocations[] = {
      {NoiseAllocation::Global, tr("Global")},
      {NoiseAllocation::EqualBudget, tr("Equal budget")},
      {NoiseAllocation::DimensionWeighted, tr("Dimension-weighted")},
      {NoiseAllocation::LeastPower, tr("Least power")}};
  for (const auto& [kind, text] : allocations) m_allocation->addItem(text, static_cast<int>(kind));
  m_allocation->setCurrentIndex(m_allocation->findData(static_cast<int>(column.allocation)));
  m_maxGradNorm = new QLineEdit(this);
  m_maxGradNorm->setAccessibleName(tr("C of this column"));
  m_maxGradNorm->setToolTip(tr("Empty: the C of the experiment, or the one that is being tried"));
  m_maxGradNorm->setPlaceholderText(tr("shared"));
  if (column.maxGradNorm) m_maxGradNorm->setText(QString::number(*column.maxGradNorm, 'g', 6));
  form->addRow(tr("C of its own"), m_maxGradNorm);
  for (QComboBox* box : {m_grouping, m_strategy, m_thresholds, m_allocation})
    connect(box, &QComboBox::currentIndexChanged, this, &CompareEditor::collect);
  connect(m_maxGradNorm, &QLineEdit::textEdited, this, &CompareEditor::collect);
  connect(m_maxGradNorm, &QLineEdit::returnPressed, this, &QWidget::close);
  const auto several = [this] {
    const bool groups = m_grouping->currentData().toInt() != static_cast<int>(GroupingKind::Flat);
    m_thresholds->setEnabled(groups);
    m_allocation->setEnabled(groups);
  };
  connect(m_grouping, &QComboBox::currentIndexChanged, this, several);
  several();
}

void CompareEditor::collect() {
  const QString text = m_maxGradNorm->text().trimmed();
  bool isNumber = true;
  const double c = text.isEmpty() ? 0 : text.toDouble(&isNumber);
  const bool valid = text.isEmpty() || (isNumber && c > 0 && std::isfinite(c));
  m_maxGradNorm->setProperty("invalid", !valid);
  m_maxGradNorm->setStyleSheet(m_maxGradNorm->styleSheet());  // looks at the property again
  if (!valid) return;
  m_column.grouping = static_cast<GroupingKind>(m_grouping->currentData().toInt());
  m_column.strategy = m_strategy->currentData().toString().toStdString();
  m_column.thresholds = static_cast<ThresholdRule>(m_thresholds->currentData().toInt());
  m_column.allocation = static_cast<NoiseAllocation>(m_allocation->currentData().toInt());
  m_column.maxGradNorm = text.isEmpty() ? std::nullopt : std::optional<double>(c);
  emit edited(m_column);
}

}  // namespace clipscope
