// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/phase_rail.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QPushButton>
#include <QVBoxLayout>

#include "ui/plots/number_format.h"
#include "ui/theme.h"
#include "ui/window/epsilon_text.h"

namespace clipscope {

namespace {

constexpr int pillHeight = 28;

QString timeText(double seconds) {
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
             : joined ? tr("%1 ran joined with its neighbours, block by block: its share of "
                           "their time")
                            .arg(text())
                      : tr("Time that %1 took").arg(text()));
  update();
}

QSize PhaseChip::sizeHint() const { return {86, pillHeight + 17}; }
QSize PhaseChip::minimumSizeHint() const { return {60, pillHeight + 17}; }

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
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(8, 8, 8, 2);
  row->setSpacing(6);
  const auto button = [&](const QString& text, const QString& tip) {
    auto* b = new QPushButton(text, this);
    b->setToolTip(tip);
    b->setFocusPolicy(Qt::TabFocus);
    row->addWidget(b, 0, Qt::AlignTop);
    return b;
  };
  m_run = button(tr("Run"), tr("Train step after step (F5)"));
  m_step = button(tr("Step"), tr("Finish this step, or do the next one (N)"));
  m_next = button(tr("Next phase"), tr("Do the next phase (Space)"));
  m_next->setProperty("primary", true);
  m_reset = button(tr("Reset"), tr("Back to the initial weights (Shift+F5)"));
  // Wide enough for both its texts, so that nothing moves.
  m_run->setMinimumWidth(70);
  row->addSpacing(8);
  for (const Phase phase : allPhases) {
    auto* chip = new PhaseChip(phase, this);
    m_chips[static_cast<std::size_t>(phase)] = chip;
    row->addWidget(chip, 1);
    chip->setMaximumWidth(104);
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
  connect(m_run, &QPushButton::clicked, this, &PhaseRail::runClicked);
  connect(m_step, &QPushButton::clicked, this, &PhaseRail::stepClicked);
  connect(m_next, &QPushButton::clicked, this, &PhaseRail::nextClicked);
  connect(m_reset, &QPushButton::clicked, this, &PhaseRail::resetClicked);
}

void PhaseRail::showRecord(const StepRecord& record) {
  for (const Phase phase : allPhases) {
    const auto at = static_cast<std::size_t>(phase);
    PhaseChip::State state = PhaseChip::State::Waiting;
    if (record.has(phase))
      state = *record.completed == phase ? PhaseChip::State::Current : PhaseChip::State::Done;
    const bool joined = record.joined && phase >= Phase::Forward && phase <= Phase::Clip;
    m_chips[at]->show(state, record.seconds[at], joined);
  }
  m_stepTitle->setText(tr("step %1").arg(record.step));
  if (!record.account) return;
  m_epsilon->setText(epsilonText(*record.account));
  m_epsilon->setToolTip(epsilonTip(*record.account));
}

void PhaseRail::showState(bool running, bool ready) {
  m_run->setText(running ? tr("Pause") : tr("Run"));
  m_run->setToolTip(running ? tr("Stop after the block under way (F5)")
                            : tr("Train step after step (F5)"));
  for (QPushButton* button : {m_run, m_step, m_next, m_reset}) button->setEnabled(ready);
  for (PhaseChip* chip : m_chips) chip->setEnabled(ready);
}

}  // namespace clipscope
