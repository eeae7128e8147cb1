// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/panels/clip_slider.h"

#include <QComboBox>
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

ClipSlider::ClipSlider(Release release, QWidget* parent) : QWidget(parent), m_release(release) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(8);
  m_choice = new QComboBox(this);
  m_choice->setAccessibleName(tr("Threshold that the slider moves"));
  m_choice->setToolTip(tr("C moves all groups' thresholds in proportion; C_k that of one group"));
  m_choice->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  m_choice->setMinimumContentsLength(4);
  m_choice->hide();
  m_label = new QLabel(this);
  m_label->setTextFormat(Qt::RichText);
  m_label->setObjectName(QStringLiteral("hint"));
  m_label->setTextInteractionFlags(Qt::LinksAccessibleByMouse | Qt::LinksAccessibleByKeyboard);
  m_slider = new QSlider(Qt::Horizontal, this);
  m_slider->setRange(0, positions);
  m_slider->setPageStep(positions / 20);
  m_slider->setSingleStep(4);
  m_slider->setAccessibleName(tr("Clipping norm C, logarithmic"));
  m_slider->setToolTip(
      release == Release::Sets
          ? tr("Drag to see what another C would do to this batch; let go to set it")
          : tr("Drag to see what another C would do to this batch"));
  row->addWidget(m_choice);
  if (release == Release::Sets) row->addWidget(m_label);
  row->addWidget(m_slider, 1);
  if (release == Release::Tries) row->addWidget(m_label);
  m_slider->setEnabled(false);
  connect(m_choice, &QComboBox::activated, this, &ClipSlider::refresh);
  connect(m_slider, &QSlider::valueChanged, this, &ClipSlider::moveTo);
  connect(m_slider, &QSlider::sliderReleased, this, [this] {
    if (!m_state || !std::exchange(m_moved, false) || m_release == Release::Tries) return;
    m_state->use();
  });
  connect(m_label, &QLabel::linkActivated, this, [this](const QString& which) {
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
  if (group() >= 0)
    m_state->tryThreshold(group(), valueAt(position));
  else
    m_state->tryMaxGradNorm(valueAt(position));
  if (m_slider->isSliderDown())
    m_moved = true;
  else if (m_release == Release::Sets)
    m_state->use();  // a key or a click beside the knob is a whole move
}

Index ClipSlider::group() const { return std::max(0, m_choice->currentIndex()) - Index{1}; }

double ClipSlider::threshold() const {
  if (group() < 0) return m_state->maxGradNorm();
  return m_state->triedRules().thresholds[static_cast<std::size_t>(group())];
}

void ClipSlider::fillChoice() {
  const auto& groups = m_state->triedRules().grouping.groups();
  QStringList names(tr("C"));
  if (groups.size() > 1)
    for (const ClippingGroup& group : groups) names << QString::fromStdString(group.name);
  bool same = m_choice->count() == names.size();
  for (int k = 0; same && k < names.size(); ++k) same = m_choice->itemText(k) == names[k];
  if (same) return;
  m_choice->clear();
  m_choice->addItems(names);
  m_choice->setVisible(names.size() > 1);
}

void ClipSlider::refresh() {
  const bool ready = m_state->hasBatch() && m_state->rules().strategyName != "none";
  m_slider->setEnabled(ready);
  m_choice->setEnabled(ready);
  if (!ready) {
    m_label->setText(QString());
    return;
  }
  fillChoice();
  if (!m_slider->isSliderDown()) {
    std::tie(m_low, m_high) = m_state->span();
    if (group() >= 0) m_low /= 30;  // a share of the norm, and of C
    m_low = std::min(m_low, threshold());
    m_high = std::max(m_high, threshold());
    const double at = std::log(threshold() / m_low) / std::log(m_high / m_low);
    const QSignalBlocker block(m_slider);
    m_slider->setValue(static_cast<int>(std::lround(positions * std::clamp(at, 0.0, 1.0))));
  }
  showLabel();
}

void ClipSlider::showLabel() {
  if (m_release == Release::Tries) {
    m_label->setText((group() < 0 ? tr("C %1") : tr("C_k %1")).arg(shortNumber(threshold(), 3)));
    return;
  }
  const double exact = m_state->suggestedExact(), bound = m_state->suggestedBound();
  const bool isExact = std::isfinite(exact);
  const double suggested = isExact ? exact : bound;
  m_label->setText(std::isfinite(suggested)
                       ? tr("<a href=\"%1\">suggested %2</a>")
                             .arg(isExact ? QStringLiteral("exact") : QStringLiteral("bound"),
                                  shortNumber(suggested, 2))
                       : QString());
  m_label->setToolTip(
      tr("%1. Computed from private data of this batch; a click sets it.")
          .arg(isExact ? tr("The least error budget on this batch (exact): bias², noise and "
                            "sampling variance. The bound from norms alone is %1")
                             .arg(shortNumber(bound, 3))
                       : tr("The bound of DC-SGD, from norms alone (arXiv:2503.22988)")));
}

}  // namespace clipscope
