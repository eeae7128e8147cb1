// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/phase_rail.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QSlider>
#include <QStyle>
#include <QVBoxLayout>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/theme.h"
#include "ui/window/epsilon_text.h"
#include "ui/window/run_to_popup.h"

namespace clipscope {

namespace {

constexpr int pillHeight = 28;

QString timeText(double seconds) {
  if (std::isnan(seconds)) return QStringLiteral("–");
  const double ms = 1e3 * seconds;
  if (ms >= 1000) return shortNumber(seconds, 3) + QStringLiteral(" s");
  return (ms < 10 ? QString::number(ms, 'f', 2) : QString::number(ms, 'f', 1)) +
         QStringLiteral(" ms");
}

}  // namespace

PhaseChip::PhaseChip(Phase phase, QWidget* parent) : QAbstractButton(parent) {
  setText(QString::fromUtf8(phaseName(phase).data()));
  setAccessibleName(tr("Phase %1").arg(text()));
  setCursor(Qt::PointingHandCursor);
  setFocusPolicy(Qt::TabFocus);
}

void PhaseChip::show(State state, double seconds, bool joined) {
  m_state = state;
  m_seconds = seconds;
  m_joined = joined;
  setAccessibleDescription(state == State::Waiting ? tr("not done") : tr("done"));
  setToolTip(state == State::Waiting ? tr("Run to %1").arg(text())
             : joined
                 ? tr("Back to %1. It ran joined with its neighbours, block by block: below is "
                      "its share of their time")
                       .arg(text())
                 : tr("Back to %1. Below is the time that it took").arg(text()));
  update();
}

QSize PhaseChip::sizeHint() const { return {86, pillHeight + 17}; }
QSize PhaseChip::minimumSizeHint() const {
  QFont bold = font();
  bold.setBold(true);
  return {QFontMetrics(bold).horizontalAdvance(text()) + 10, pillHeight + 17};
}

void PhaseChip::paintEvent(QPaintEvent*) {
  const Theme& theme = Theme::current();
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const QRectF pill(0.5, 0.5, width() - 1, pillHeight - 1);
  const bool current = m_state == State::Current;
  painter.setPen(QPen(current                      ? theme.accent
                      : underMouse() || hasFocus() ? theme.accent
                                                   : theme.edge,
                      1));
  painter.setBrush(current ? theme.accent : m_state == State::Done ? theme.field : theme.panel);
  painter.drawRoundedRect(pill, pillHeight / 2.0, pillHeight / 2.0);
  QFont font = this->font();
  font.setBold(current);
  painter.setFont(font);
  painter.setPen(current ? theme.accentInk : m_state == State::Done ? theme.ink : theme.dim);
  const QString label =
      m_state == State::Waiting || current || width() < 78 ? text() : QStringLiteral("✓ ") + text();
  painter.drawText(pill, Qt::AlignCenter, label);
  if (m_state == State::Waiting) return;
  QFont small = this->font();
  small.setPixelSize(10);
  painter.setFont(small);
  painter.setPen(theme.dim);
  painter.drawText(QRectF(0, pillHeight + 2, width(), 13), Qt::AlignCenter,
                   (m_joined ? QStringLiteral("≈ ") : QString()) + timeText(m_seconds));
}

PhaseRail::PhaseRail(QWidget* parent) : QWidget(parent) {
  setObjectName(QStringLiteral("phaseRail"));
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 8, 8, 2);
  row->setSpacing(6);
  // Two rows of buttons' height and chips' times: the speed of Run stands below the buttons.
  auto* transport = new QVBoxLayout;
  transport->setSpacing(0);
  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(4);
  transport->addLayout(buttons);
  const auto button = [&](const QString& text, const QString& tip, const QString& name) {
    auto* b = new QPushButton(text, this);
    b->setToolTip(tip);
    b->setAccessibleName(name);
    b->setFocusPolicy(Qt::TabFocus);
    b->setProperty("transport", true);
    b->setFixedHeight(pillHeight);
    // Where there is little room the phases become narrower, and no button's text is cut.
    b->setSizePolicy(QSizePolicy::Minimum, QSizePolicy::Fixed);
    buttons->addWidget(b);
    return b;
  };
  m_stepBack =
      button(tr("‹ Step"), tr("Back to the end of the step before (Shift+N)"), tr("Step back"));
  m_phaseBack =
      button(tr("‹ Phase"), tr("Back to the phase before (Shift+Space)"), tr("Previous phase"));
  m_run = button(tr("Run"), {}, {});
  m_step = button(tr("Step"), tr("Finish this step, or do the next one (N)"), tr("Step"));
  m_next = button(tr("Next phase"), tr("Do the next phase (Space)"), tr("Next phase"));
  m_next->setProperty("primary", true);
  m_runTo = button(tr("Run to…"), tr("Run until a step, an ε or a loss is reached (Ctrl+G)"),
                   tr("Run to"));
  m_reset = button(tr("Reset"), tr("Back to the initial weights, forgetting every step (Shift+F5)"),
                   tr("Reset"));
  // Wide enough for both its texts, so that nothing moves.
  m_run->setMinimumWidth(58);
  buildSpeed(transport);
  row->addLayout(transport);
  row->addSpacing(4);
  for (const Phase phase : allPhases) {
    auto* chip = new PhaseChip(phase, this);
    m_chips[static_cast<std::size_t>(phase)] = chip;
    row->addWidget(chip, 1);
    chip->setMaximumWidth(104);
    chip->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);
    connect(chip, &QAbstractButton::clicked, this, [this, phase] { emit phaseClicked(phase); });
  }
  row->addStretch(1);
  auto* right = new QVBoxLayout;
  right->setSpacing(1);
  m_stepTitle = new QLabel(this);
  m_stepTitle->setObjectName(QStringLiteral("stepTitle"));
  m_epsilon = new QLabel(this);
  m_epsilon->setObjectName(QStringLiteral("hint"));
  for (QLabel* label : {m_stepTitle, m_epsilon}) {
    label->setAlignment(Qt::AlignRight);
    right->addWidget(label);
  }
  m_stepTitle->setMinimumWidth(136);
  row->addLayout(right);
  m_popup = new RunToPopup(this);
  connect(m_popup, &RunToPopup::goalChosen, this, &PhaseRail::runToRequested);
  connect(m_popup, &RunToPopup::phaseChosen, this, &PhaseRail::phaseClicked);
  connect(m_stepBack, &QPushButton::clicked, this, &PhaseRail::stepBackClicked);
  connect(m_phaseBack, &QPushButton::clicked, this, &PhaseRail::phaseBackClicked);
  connect(m_run, &QPushButton::clicked, this, &PhaseRail::runClicked);
  connect(m_step, &QPushButton::clicked, this, &PhaseRail::stepClicked);
  connect(m_next, &QPushButton::clicked, this, &PhaseRail::nextClicked);
  connect(m_runTo, &QPushButton::clicked, this, &PhaseRail::askRunTo);
  connect(m_reset, &QPushButton::clicked, this, &PhaseRail::resetClicked);
}

void PhaseRail::buildSpeed(QVBoxLayout* column) {
  auto* row = new QHBoxLayout;
  row->setSpacing(6);
  auto* name = new QLabel(tr("Speed of Run"), this);
  m_speed = new QSlider(Qt::Horizontal, this);
  m_speed->setObjectName(QStringLiteral("speed"));
  m_speed->setRange(0, 100);
  m_speed->setValue(100);
  m_speed->setPageStep(10);
  m_speed->setFixedHeight(15);
  m_speed->setFocusPolicy(Qt::TabFocus);
  m_speed->setAccessibleName(tr("Speed of Run, steps a second"));
  m_speed->setToolTip(
      tr("How fast Run goes: from 1 step a second to as fast as it can, also while it runs"));
  m_speedText = new QLabel(this);
  m_speedText->setMinimumWidth(104);
  for (QLabel* label : {name, m_speedText}) label->setObjectName(QStringLiteral("railSmall"));
  name->setBuddy(m_speed);
  row->addWidget(name);
  row->addWidget(m_speed, 1);
  row->addWidget(m_speedText);
  column->addLayout(row);
  const auto show = [this](int position) {
    const double speed = stepsPerSecond(position);
    m_speedText->setText(speed > 0 ? tr("%1 steps/s").arg(shortNumber(speed, 2)) : tr("unlimited"));
    return speed;
  };
  show(m_speed->value());
  connect(m_speed, &QSlider::valueChanged, this,
          [this, show](int position) { emit speedChanged(show(position)); });
}

double PhaseRail::stepsPerSecond(int position) {
  return position >= 100 ? 0 : std::pow(10.0, 3.0 * position / 100);
}

void PhaseRail::askRunTo() { m_popup->openBelow(m_runTo); }

void PhaseRail::showRecord(const StepRecord& record, const RunPosition& position) {
  for (const Phase phase : allPhases) {
    const auto at = static_cast<std::size_t>(phase);
    PhaseChip::State state = PhaseChip::State::Waiting;
    if (record.has(phase))
      state = *record.completed == phase ? PhaseChip::State::Current : PhaseChip::State::Done;
    const bool joined = record.joined && phase >= Phase::Forward && phase <= Phase::Clip;
    // A recorder of another library sees but some of its phases.
    const bool isTimed = !record.info->library || record.seconds[at] > 0;
    m_chips[at]->show(state, isTimed ? record.seconds[at] : notANumber, joined);
  }
  const bool past = position.step < position.knownSteps;
  const QString title = past ? tr("step %1 of %2").arg(position.step).arg(position.knownSteps)
                        : position.step == 0 ? tr("before step 1")
                                             : tr("step %1").arg(position.step);
  m_stepTitle->setText(title);
  if (m_stepTitle->property("past").toBool() != past) {
    m_stepTitle->setProperty("past", past);
    style()->unpolish(m_stepTitle);
    style()->polish(m_stepTitle);
  }
  m_stepTitle->setToolTip(past ? tr("In the past: the run has come to step %1. Going on repeats "
                                    "it to the bit; a changed setting drops what came after.")
                                     .arg(position.knownSteps)
                               : QString());
  if (record.account) {
    m_epsilon->setText(epsilonText(*record.account));
    m_epsilon->setToolTip(epsilonTip(*record.account));
  } else if (position.step == 0) {
    m_epsilon->clear();
  }
}

void PhaseRail::showState(bool running, bool ready, const QString& readOnlyBecause,
                          const RunPosition& position) {
  const bool readOnly = !readOnlyBecause.isEmpty();
  m_run->setText(running ? tr("Pause") : tr("Run"));
  m_run->setAccessibleName(m_run->text());
  m_run->setToolTip(running ? tr("Stop after the block under way (F5)")
                            : tr("Train step after step (F5)"));
  for (QPushButton* button : {m_run, m_next, m_runTo, m_reset})
    button->setEnabled(ready && !readOnly);
  m_step->setEnabled(ready && (!readOnly || position.isPast()));
  for (QPushButton* button : {m_stepBack, m_phaseBack})
    button->setEnabled(ready && position.canStepBack());
  m_popup->showPosition(position);
  for (PhaseChip* chip : m_chips) chip->setEnabled(ready && !readOnly);
  const QString why = tr("Not available: %1").arg(readOnlyBecause);
  for (QPushButton* button : {m_next, m_runTo, m_reset}) {
    // What a button does is said again once it can.
    constexpr const char* tip = "tip";
    if (!button->property(tip).isValid()) button->setProperty(tip, button->toolTip());
    button->setToolTip(readOnly ? why : button->property(tip).toString());
  }
  if (!readOnly) return;
  m_run->setToolTip(why);
  for (PhaseChip* chip : m_chips) chip->setToolTip(why);
}

}  // namespace clipscope
