// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/run_section.h"

#include <QComboBox>

#include "engine/accounting/accountant.h"

namespace clipscope {

PrivacySection::PrivacySection(QWidget* parent) : DockSection(tr("Privacy"), parent) {
  m_delta = addNumber(tr("δ"), tr("Usually below 1/N"), {0, 1, false, false},
                      [](Experiment& e, double v) { e.privacy.delta = v; });
  QStringList accountants;
  for (const std::string& name : accountantNames()) accountants << QString::fromStdString(name);
  m_accountant = addCombo(
      tr("Accountant"),
      tr("RDP: Rényi accounting, an upper bound, on the orders of Opacus or on orders far beyond. "
         "PRV: the distribution of the privacy loss, an upper bound close to the truth. GDP: the "
         "central limit theorem, an approximation and not a bound"),
      accountants, {tr("RDP (Opacus)"), tr("RDP"), tr("PRV"), tr("GDP (approximation)")},
      [](Experiment& e, const std::string& name) { e.privacy.accountant = name; });
}

void PrivacySection::display(const Experiment& e) {
  m_delta->setValue(e.privacy.delta);
  select(m_accountant, QString::fromStdString(e.privacy.accountant));
}

RunSection::RunSection(QWidget* parent) : DockSection(tr("Run"), parent) {
  m_seed =
      addNumber(tr("Seed"), tr("Of weights, sampling and noise; a restart"), {0, 9e15, true, true},
                [](Experiment& e, double v) { e.run.seed = static_cast<std::uint64_t>(v); });
  m_evaluate = addNumber(
      tr("Test every"), tr("Steps between test evaluations; 0: never"), {0, 1e9, true, true},
      [](Experiment& e, double v) { e.run.evaluateEvery = static_cast<Index>(v); });
}

void RunSection::display(const Experiment& e) {
  m_seed->setValue(static_cast<double>(e.run.seed));
  m_evaluate->setValue(static_cast<double>(e.run.evaluateEvery));
}

}  // namespace clipscope
