// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/dock/run_section.h"

namespace clipscope {

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
