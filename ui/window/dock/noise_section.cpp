// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/noise_section.h"

#include <QComboBox>

#include "ui/window/dock/schedule_rows.h"

namespace clipscope {

NoiseSection::NoiseSection(QWidget* parent) : DockSection(tr("Noise"), parent) {
  m_sigma = addNumber(
      tr("Multiplier σ"),
      tr("noise_multiplier: noise std over sensitivity; 0 switches noise off and ε is ∞"),
      {0, 1e6, true, false}, [](Experiment& e, double v) { e.noise.noiseMultiplier = v; });
  connect(m_sigma, &NumberEdit::typed, this, &NoiseSection::noiseMultiplierTyped);
  m_schedule = new ScheduleRows(this, tr("σ"), 0, &ScheduleSettings::noiseMultiplier);
  m_allocation =
      addCombo(tr("Allocation"),
               tr("How the noise is shared out over the groups; all four have the privacy of σ"),
               {QStringLiteral("global"), QStringLiteral("equal_budget"),
                QStringLiteral("dimension_weighted"), QStringLiteral("least_power")},
               {tr("Global"), tr("Equal budget"), tr("Dimension"), tr("Least power")},
               [](Experiment& e, const std::string& name) {
                 e.noise.allocation = parseNoiseAllocation(name, "noise.allocation");
               });
}

void NoiseSection::preview(double sigma) { m_sigma->setValue(sigma); }

void NoiseSection::display(const Experiment& e) {
  m_sigma->setValue(e.noise.noiseMultiplier);
  m_schedule->display(e);
  select(m_allocation, fromView(noiseAllocationName(e.noise.allocation)));
}

}  // namespace clipscope
