// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QCoreApplication>
#include <QLabel>
#include <QSignalSpy>
#include <QTest>
#include <memory>

#include "engine/training/trainer.h"
#include "tests/support/small_experiment.h"
#include "ui/panels/panel.h"
#include "ui/selection.h"
#include "ui/theme.h"

namespace clipscope::test {

/// One panel on its own, with the records of a small training.
template <class PanelType>
class PanelBench {
 public:
  explicit PanelBench(const Experiment& experiment, LoadedData data = smallData(),
                      QSize size = {700, 450})
      : m_trainer(experiment, std::move(data)), m_panel(&m_selection) {
    m_panel.resize(size);
    m_panel.show();
    if (!QTest::qWaitForWindowExposed(&m_panel)) qFatal("the panel does not show");
  }
  Trainer& trainer() { return m_trainer; }
  PanelType& panel() { return m_panel; }
  Selection& selection() { return m_selection; }
  const StepRecord& record() { return *m_trainer.record(); }
  void advance(Phase phase) {
    m_trainer.advanceTo(phase);
    m_panel.setRecord(m_trainer.record());
    QCoreApplication::processEvents();
  }
  QString emptyText() {
    const auto* label = m_panel.template findChild<QLabel*>(QStringLiteral("empty"));
    return label && label->isVisible() ? label->text() : QString();
  }

 private:
  Selection m_selection;
  Trainer m_trainer;
  PanelType m_panel;
};

}  // namespace clipscope::test
