// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/dock_section.h"

#include <QCheckBox>
#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include "engine/error.h"

namespace clipscope {

QString fromView(std::string_view text) {
  return QString::fromUtf8(text.data(), static_cast<qsizetype>(text.size()));
}

DockSection::DockSection(const QString& title, QWidget* parent) : QWidget(parent) {
  m_body = new QVBoxLayout(this);
  m_body->setContentsMargins(0, 0, 0, 0);
  m_body->setSpacing(4);
  auto* label = new QLabel(title.toUpper(), this);
  label->setObjectName(QStringLiteral("section"));
  label->setContentsMargins(0, 7, 0, 1);
  m_body->addWidget(label);
  m_rows = new QGridLayout;
  m_rows->setHorizontalSpacing(8);
  m_rows->setVerticalSpacing(4);
  m_rows->setColumnStretch(0, 1);
  m_rows->setColumnMinimumWidth(1, 146);
  m_body->addLayout(m_rows);
}

void DockSection::showExperiment(const Experiment& experiment) {
  m_experiment = experiment;
  m_showing = true;
  display(m_experiment);
  m_showing = false;
}

QLabel* DockSection::addRow(const QString& text, QWidget* field, const QString& tip) {
  auto* label = new QLabel(text, this);
  label->setBuddy(field);
  label->setToolTip(tip);
  field->setToolTip(tip);
  const int at = m_rows->rowCount();
  m_rows->addWidget(label, at, 0);
  m_rows->addWidget(field, at, 1);
  m_labels.insert(field, label);
  return label;
}

QLabel* DockSection::addHint(const QString& text) {
  auto* hint = new QLabel(text, this);
  hint->setObjectName(QStringLiteral("hint"));
  hint->setWordWrap(true);
  // A long line wraps; it does not make the dock wide.
  QSizePolicy policy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  policy.setHeightForWidth(true);
  hint->setSizePolicy(policy);
  addWide(hint);
  return hint;
}

void DockSection::addWide(QWidget* widget) {
  m_rows->addWidget(widget, m_rows->rowCount(), 0, 1, 2);
}

void DockSection::addWide(QLayout* layout) {
  m_rows->addLayout(layout, m_rows->rowCount(), 0, 1, 2);
}

void DockSection::setRowVisible(QWidget* field, bool visible) {
  field->setVisible(visible);
  if (QLabel* label = labelOf(field)) label->setVisible(visible);
}

void DockSection::change(QWidget* field, const Change& change) {
  if (m_showing) return;
  Experiment next = m_experiment;
  try {
    change(next);
    next.validate();
    if (m_fits) m_fits(next);
  } catch (const Error& error) {
    // One field is in range and the whole is not, as Nesterov without momentum.
    const QString reason = QString::fromUtf8(error.what());
    if (auto* number = qobject_cast<NumberEdit*>(field)) return number->setProblem(reason);
    showExperiment(m_experiment);
    emit refused(reason);
    return;
  }
  emit edited(next);
}

NumberEdit* DockSection::addNumber(const QString& label, const QString& tip,
                                   NumberEdit::Range range, SetNumber set) {
  auto* field = new NumberEdit(range, label, this);
  addRow(label, field, tip);
  connect(field, &NumberEdit::edited, this, [this, field, set = std::move(set)](double value) {
    change(field, [&](Experiment& e) { set(e, value); });
  });
  return field;
}

QComboBox* DockSection::addCombo(const QString& label, const QString& tip, const QStringList& names,
                                 const QStringList& titles, SetText set) {
  auto* combo = new QComboBox(this);
  combo->setAccessibleName(label);
  combo->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  for (qsizetype k = 0; k < names.size(); ++k) combo->addItem(titles[k], names[k]);
  addRow(label, combo, tip);
  connect(combo, &QComboBox::activated, this, [this, combo, set = std::move(set)] {
    change(combo, [&](Experiment& e) { set(e, combo->currentData().toString().toStdString()); });
  });
  return combo;
}

QCheckBox* DockSection::addCheck(const QString& text, const QString& tip,
                                 std::function<void(Experiment&, bool)> set) {
  auto* box = new QCheckBox(text, this);
  box->setAccessibleName(text);
  box->setToolTip(tip);
  m_rows->addWidget(box, m_rows->rowCount(), 1);
  connect(box, &QCheckBox::clicked, this, [this, box, set = std::move(set)](bool on) {
    change(box, [&](Experiment& e) { set(e, on); });
  });
  return box;
}

void DockSection::select(QComboBox* combo, const QString& name) {
  const QSignalBlocker block(combo);
  combo->setCurrentIndex(combo->findData(name));
}

}  // namespace clipscope
