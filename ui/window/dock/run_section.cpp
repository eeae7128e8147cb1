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
  m_refresh = addNumber(
      tr("All norms every"),
      tr("Steps between passes over all training examples, for ε of single examples (Privacy). A "
         "pass takes about as long as an epoch. 1: exact; 0: never"),
      {0, 1e9, true, true},
      [](Experiment& e, double v) { e.run.refreshNormsEvery = static_cast<Index>(v); });
  m_secure = addCheck(
      tr("Secure mode"),
      tr("Sampling, noise and noise on counts come from a cryptographic generator whose keys are "
         "kept nowhere: the run is no simulation, and cannot be replayed. Recorded steps can be "
         "looked at, without examples; there is no stepping back into phases, and no branch. A "
         "restart"),
      [](Experiment& e, bool on) { e.run.secureMode = on; });
}

void RunSection::display(const Experiment& e) {
  m_seed->setValue(static_cast<double>(e.run.seed));
  m_evaluate->setValue(static_cast<double>(e.run.evaluateEvery));
  m_refresh->setValue(static_cast<double>(e.run.refreshNormsEvery));
  m_secure->setChecked(e.run.secureMode);
}

}  // namespace clipscope
