// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/what_if_readout.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QMenu>
#include <QPushButton>
#include <cmath>

#include "ui/plots/number_format.h"
#include "ui/what_if_state.h"

namespace clipscope {

QString whatIfTitle(const WhatIfState& state) {
  return (state.isSet() ? WhatIfState::tr("From the next step on, C = %1")
                        : WhatIfState::tr("What if C = %1"))
      .arg(shortNumber(state.maxGradNorm(), 3));
}

QString whatIfLine(const WhatIfState& state) {
  const WhatIfNumbers& w = state.numbers();
  QString text;
  if (!std::isnan(w.clippedFraction))
    text = WhatIfState::tr("%1 clipped").arg(percent(w.clippedFraction));
  else if (!std::isnan(w.aboveOneFraction))
    text = WhatIfState::tr("%1 scaled up").arg(percent(w.aboveOneFraction));
  text += WhatIfState::tr(" · retained %1 · bias %2 · SNR %3 · error %4")
              .arg(shortNumber(w.total.retainedNorm, 3), shortNumber(w.total.biasRatio, 3),
                   shortNumber(w.total.snr, 3), shortNumber(w.budget.total, 3));
  if (w.fromSubset)
    text += WhatIfState::tr(" · sums estimated from %1 of %2")
                .arg(state.whatIf()->gram()->size())
                .arg(state.whatIf()->gram()->batchSize());
  return text;
}

void addWhatIfActions(QMenu& menu, WhatIfState* state) {
  if (!state->hasBatch()) return;
  menu.addSeparator();
  QAction* use = menu.addAction(WhatIfState::tr("Use this C"), state, &WhatIfState::use);
  QAction* back =
      menu.addAction(WhatIfState::tr("Back to the experiment's C"), state, &WhatIfState::giveUp);
  use->setEnabled(state->isTrying());
  back->setEnabled(state->isTrying());
  const std::pair<QString, double> suggestions[] = {
      {WhatIfState::tr("Try the suggested C, bound: %1"), state->suggestedBound()},
      {WhatIfState::tr("Try the suggested C, exact: %1"), state->suggestedExact()}};
  for (const auto& [text, c] : suggestions)
    if (std::isfinite(c))
      menu.addAction(text.arg(shortNumber(c, 3)), state,
                     [state, c = c] { state->tryMaxGradNorm(c); });
}

WhatIfReadout::WhatIfReadout(WhatIfState* state, QWidget* parent)
    : QWidget(parent), m_state(state) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(8);
  m_text = new QLabel(this);
  m_text->setWordWrap(true);
  m_text->setToolTip(
      tr("On this batch, with the same noise draw: share clipped, retained norm Σ‖clipped g‖/Σ‖g‖, "
         "bias ‖s − Σg‖/‖Σg‖, SNR ‖s‖/expected noise, and the error budget: bias², noise and "
         "sampling variance of the mean gradient. Not private."));
  m_use = new QPushButton(tr("Use this C"), this);
  m_use->setToolTip(tr("Makes it the experiment's setting, from the next step on (Return)"));
  m_back = new QPushButton(tr("Back"), this);
  m_back->setToolTip(tr("Back to the experiment's C (Esc)"));
  row->addWidget(m_text, 1);
  row->addWidget(m_use);
  row->addWidget(m_back);
  connect(m_use, &QPushButton::clicked, state, &WhatIfState::use);
  connect(m_back, &QPushButton::clicked, state, &WhatIfState::giveUp);
  connect(state, &WhatIfState::tried, this, &WhatIfReadout::showNumbers);
  connect(state, &WhatIfState::changed, this, &WhatIfReadout::showNumbers);
  showNumbers();
}

QString WhatIfReadout::text() const { return m_text->text(); }

void WhatIfReadout::showNumbers() {
  const bool trying = m_state->isTrying() && m_state->hasBatch();
  if (trying) {
    m_text->setText(tr("%1: %2").arg(whatIfTitle(*m_state), whatIfLine(*m_state)));
    m_use->setVisible(!m_state->isSet());
    setAccessibleName(m_text->text());
  }
  setVisible(trying);
}

}  // namespace clipscope
