// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/run_to_popup.h"

#include <QComboBox>
#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QScreen>

#include "ui/window/number_edit.h"

namespace clipscope {

namespace {
/// How far beyond the known steps the field proposes to go.
constexpr Index proposal = 100;
}  // namespace

RunToPopup::RunToPopup(QWidget* parent) : QFrame(parent, Qt::Popup) {
  setObjectName(QStringLiteral("popup"));
  setAttribute(Qt::WA_StyledBackground);
  setAccessibleName(tr("Run to"));
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(12, 10, 12, 12);
  grid->setHorizontalSpacing(8);
  grid->setVerticalSpacing(6);
  m_step = new NumberEdit({1, 1e9, true, true}, tr("Run to step"), this);
  m_epsilon = new NumberEdit({0, 1e6, false}, tr("Run until ε reaches"), this);
  m_epsilon->setValue(1);
  m_loss = new NumberEdit({0, 1e9, false}, tr("Run until the batch loss is below"), this);
  m_loss->setValue(0.5);
  m_phase = new QComboBox(this);
  m_phase->setAccessibleName(tr("Run to phase"));
  for (const Phase phase : allPhases) m_phase->addItem(QString::fromUtf8(phaseName(phase).data()));
  addRow(grid, tr("Step"), m_step,
         tr("Whole steps up to this one; a step that is known already is gone back to"));
  addRow(grid, tr("Until ε is at least"), m_epsilon,
         tr("Stops at the first step whose ε, at the δ set, is this or more"));
  addRow(grid, tr("Until the loss is below"), m_loss,
         tr("Stops at the first step whose mean loss over its batch is below this"));
  addRow(grid, tr("Phase of this step"), m_phase,
         tr("On to a later phase of this step, or back to an earlier one"));
  NumberEdit* fields[] = {m_step, m_epsilon, m_loss};
  for (std::size_t row = 0; row < 3; ++row)
    connect(fields[row], &QLineEdit::returnPressed, m_go[row], &QPushButton::click);
  connect(m_step, &QLineEdit::textEdited, this, [this] { m_stepTyped = true; });
  connect(m_go[0], &QPushButton::clicked, this, [this] {
    if (const auto value = m_step->value())
      choose({.step = static_cast<Index>(*value), .epsilon = {}, .loss = {}});
  });
  connect(m_go[1], &QPushButton::clicked, this, [this] {
    if (const auto value = m_epsilon->value()) choose({.step = {}, .epsilon = *value, .loss = {}});
  });
  connect(m_go[2], &QPushButton::clicked, this, [this] {
    if (const auto value = m_loss->value()) choose({.step = {}, .epsilon = {}, .loss = *value});
  });
  connect(m_go[3], &QPushButton::clicked, this, [this] {
    hide();
    emit phaseChosen(static_cast<Phase>(m_phase->currentIndex()));
  });
}

void RunToPopup::addRow(QGridLayout* grid, const QString& text, QWidget* field,
                        const QString& tip) {
  auto* label = new QLabel(text, this);
  label->setBuddy(field);
  auto* go = new QPushButton(tr("Go"), this);
  go->setAutoDefault(false);
  go->setAccessibleName(tr("Go: %1").arg(text));
  for (QWidget* widget : {static_cast<QWidget*>(label), field, static_cast<QWidget*>(go)})
    widget->setToolTip(tip);
  field->setFixedWidth(110);
  grid->addWidget(label, m_rows, 0);
  grid->addWidget(field, m_rows, 1);
  grid->addWidget(go, m_rows, 2);
  m_go[static_cast<std::size_t>(m_rows++)] = go;
}

void RunToPopup::showPosition(const RunPosition& position) {
  m_position = position;
  if (position.phase) m_phase->setCurrentIndex(static_cast<int>(*position.phase));
}

void RunToPopup::openBelow(QWidget* anchor) {
  if (!m_stepTyped) m_step->setValue(static_cast<double>(m_position.knownSteps + proposal));
  adjustSize();
  QPoint at = anchor->mapToGlobal(QPoint(0, anchor->height() + 4));
  if (const QScreen* screen = anchor->screen())
    at.setX(std::min(at.x(), screen->availableGeometry().right() - width()));
  move(at);
  show();
  m_step->setFocus();
  m_step->selectAll();
}

void RunToPopup::choose(const RunGoal& goal) {
  m_stepTyped = false;
  hide();
  emit goalChosen(goal);
}

}  // namespace clipscope
