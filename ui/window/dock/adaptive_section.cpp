// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/adaptive_section.h"

#include <QCheckBox>
#include <QComboBox>
#include <QLabel>

#include "engine/error.h"
#include "ui/plots/number_format.h"

namespace clipscope {

AdaptiveSection::AdaptiveSection(QWidget* parent) : DockSection(tr("Adaptive threshold"), parent) {
  m_enabled = addCheck(tr("C follows the norms"),
                       tr("A noisy count of the unclipped examples moves C after each step "
                          "(Andrew et al. 2019, arXiv:1905.03871)"),
                       [](Experiment& e, bool on) { e.clipping.adaptive.enabled = on; });
  m_quantile = addNumber(tr("Target quantile γ"), tr("The share that is to stay unclipped"),
                         {0, 1, true, false},
                         [](Experiment& e, double v) { e.clipping.adaptive.targetQuantile = v; });
  m_rate = addNumber(tr("Rate of C, η"), tr("C ← C·exp(−η(b̃ − γ)), b̃ the noisy fraction"),
                     {0, 1e6, true, false},
                     [](Experiment& e, double v) { e.clipping.adaptive.learningRate = v; });
  m_countStd = addNumber(
      tr("Count noise σ_b"),
      tr("Std of the noise on the count; above σ√K/2, or nothing of σ is left for the gradients"),
      {0, 1e9, true, false}, [](Experiment& e, double v) { e.clipping.adaptive.countStd = v; });
  m_denominator = addCombo(
      tr("Count over"),
      tr("The constant B keeps ε valid. Opacus divides by the size drawn, which is private"),
      {QStringLiteral("expected"), QStringLiteral("batch")},
      {tr("Expected batch B"), tr("Batch drawn (Opacus)")},
      [](Experiment& e, const std::string& name) {
        e.clipping.adaptive.denominator =
            parseCountDenominator(name, "clipping.adaptive.denominator");
      });
  m_min = addNumber(tr("Least C"), tr("A floor for each C_k"), {1e-30, 1e30, true, false},
                    [](Experiment& e, double v) { e.clipping.adaptive.minThreshold = v; });
  m_max = addNumber(tr("Largest C"), tr("A ceiling for each C_k"), {1e-30, 1e30, true, false},
                    [](Experiment& e, double v) { e.clipping.adaptive.maxThreshold = v; });
  m_cost = addHint();
}

Index AdaptiveSection::groups(const ClippingSettings& clipping) const {
  if (!m_model) return 1;
  return makeGrouping(clipping.grouping, m_model->table().trainableNames(), clipping.groups)
      .count();
}

void AdaptiveSection::showSession(const Session& session) { m_model = session.model; }

void AdaptiveSection::display(const Experiment& e) {
  const AdaptiveSettings& a = e.clipping.adaptive;
  m_enabled->setChecked(a.enabled);
  for (QWidget* field : std::initializer_list<QWidget*>{m_quantile, m_rate, m_countStd,
                                                        m_denominator, m_min, m_max, m_cost})
    setRowVisible(field, a.enabled);
  m_quantile->setValue(a.targetQuantile);
  m_rate->setValue(a.learningRate);
  m_countStd->setValue(a.countStd);
  select(m_denominator, fromView(countDenominatorName(a.denominator)));
  m_min->setValue(a.minThreshold);
  m_max->setValue(a.maxThreshold);
  if (!a.enabled) return;
  try {
    const double z =
        gradientNoiseMultiplier(e.noise.noiseMultiplier, a.countStd, groups(e.clipping));
    m_cost->setText(
        a.denominator == CountDenominator::Batch
            ? tr("Gradients get z = %1. The size drawn is private: no ε holds.")
                  .arg(shortNumber(z, 4))
            : tr("Gradients get z = %1 for σ = %2; ε is charged σ, which pays for the counts too.")
                  .arg(shortNumber(z, 4), shortNumber(e.noise.noiseMultiplier, 4)));
  } catch (const Error& error) {
    m_cost->setText(QString::fromUtf8(error.what()));
  }
}

}  // namespace clipscope
