// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/clip_slider.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QSignalBlocker>
#include <QSlider>
#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "ui/plots/number_format.h"
#include "ui/what_if_state.h"

namespace clipscope {

namespace {
constexpr int positions = 600;
}

ClipSlider::ClipSlider(QWidget* parent) : QWidget(parent) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(8);
  m_link = new QLabel(this);
  m_link->setTextFormat(Qt::RichText);
  m_link->setObjectName(QStringLiteral("hint"));
  m_link->setTextInteractionFlags(Qt::LinksAccessibleByMouse | Qt::LinksAccessibleByKeyboard);
  m_slider = new QSlider(Qt::Horizontal, this);
  m_slider->setRange(0, positions);
  m_slider->setPageStep(positions / 20);
  m_slider->setSingleStep(4);
  m_slider->setAccessibleName(tr("Clipping norm C, logarithmic"));
  m_slider->setToolTip(tr("Drag to see what another C would do to this batch; let go to set it"));
  row->addWidget(m_link);
  row->addWidget(m_slider, 1);
  m_slider->setEnabled(false);
  connect(m_slider, &QSlider::valueChanged, this, &ClipSlider::moveTo);
  connect(m_slider, &QSlider::sliderReleased, this, [this] {
    if (!m_state || !std::exchange(m_moved, false)) return;
    m_state->use();
  });
  connect(m_link, &QLabel::linkActivated, this, [this](const QString& which) {
    if (!m_state) return;
    m_state->useMaxGradNorm(which == QLatin1String("exact") ? m_state->suggestedExact()
                                                            : m_state->suggestedBound());
  });
}

void ClipSlider::setState(WhatIfState* state) {
  m_state = state;
  connect(state, &WhatIfState::changed, this, &ClipSlider::refresh);
  connect(state, &WhatIfState::tried, this, &ClipSlider::refresh);
  refresh();
}

double ClipSlider::valueAt(int position) const {
  const double c = m_low * std::pow(m_high / m_low, static_cast<double>(position) / positions);
  // Three digits, as one would type it.
  const double unit = std::pow(10.0, std::floor(std::log10(c)) - 2);
  return std::round(c / unit) * unit;
}

void ClipSlider::moveTo(int position) {
  if (!m_state) return;
  m_state->tryMaxGradNorm(valueAt(position));
  if (m_slider->isSliderDown())
    m_moved = true;
  else
    m_state->use();  // a key or a click beside the knob is a whole move
}

void ClipSlider::refresh() {
  const bool ready = m_state->hasBatch() && m_state->rules().strategyName != "none";
  m_slider->setEnabled(ready);
  if (!ready) {
    m_link->setText(QString());
    return;
  }
  if (!m_slider->isSliderDown()) std::tie(m_low, m_high) = m_state->span();
  const double at = std::log(m_state->maxGradNorm() / m_low) / std::log(m_high / m_low);
  {
    const QSignalBlocker block(m_slider);
    if (!m_slider->isSliderDown())
      m_slider->setValue(static_cast<int>(std::lround(positions * std::clamp(at, 0.0, 1.0))));
  }
  const double exact = m_state->suggestedExact(), bound = m_state->suggestedBound();
  const bool isExact = std::isfinite(exact);
  const double suggested = isExact ? exact : bound;
  m_link->setText(std::isfinite(suggested)
                      ? tr("<a href=\"%1\">suggested %2</a>")
                            .arg(isExact ? QStringLiteral("exact") : QStringLiteral("bound"),
                                 shortNumber(suggested, 2))
                      : QString());
  m_link->setToolTip(
      tr("%1. Computed from private data of this batch; a click sets it.")
          .arg(isExact ? tr("The least error budget on this batch (exact): bias², noise and "
                            "sampling variance. The bound from norms alone is %1")
                             .arg(shortNumber(bound, 3))
                       : tr("The bound of DC-SGD, from norms alone (arXiv:2503.22988)")));
}

}  // namespace clipscope
