// SPDX-License-Identifier: GPL-3.0-or-later
// Lint, breakpoints and lanes in the window.
#include <QSettings>
#include <QToolButton>
#include <algorithm>

#include "engine/error.h"
#include "ui/panels/breakpoints_panel.h"
#include "ui/panels/compare_panel.h"
#include "ui/panels/lanes_panel.h"
#include "ui/panels/lint_panel.h"
#include "ui/panels/lint_row.h"
#include "ui/panels/microscope_panel.h"
#include "ui/panels/panel_header.h"
#include "ui/panels/privacy_panel.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/main_window.h"
#include "ui/window/panel_docks.h"
#include "ui/window/words.h"

namespace clipscope {

namespace {
constexpr const char* breakpointsKey = "breakpoints";
}

void MainWindow::connectInspection() {
  Controller* c = &m_controller;
  connect(c, &Controller::experimentChanged, this, [this, c] {
    m_lint->setExperiment(c->experiment());
    m_lanes->setExperiment(c->experiment());
    m_microscope->setExperiment(c->experiment());
    showLint();
  });
  m_lint->setExperiment(c->experiment());
  m_lanes->setExperiment(c->experiment());
  connect(c, &Controller::sessionChanged, this, [this, c] {
    m_microscope->setData(c->session()->data);
    m_microscope->setExperiment(c->session()->experiment);
  });
  connect(m_lint, &LintPanel::settingRequested, this, [this](const QString& path) {
    m_dock->show();
    m_dock->raise();
    m_dock->focusSetting(path);
  });
  for (Panel* panel : m_docks->panels())
    panel->header()->setWords([panel] {
      const auto& record = panel->record();
      return record ? tipOf(wordsOf(panel->fileName(), *record)) : QString();
    });
  connect(m_lintButton, &QToolButton::clicked, this, [this] { m_docks->show(m_lint); });

  connect(m_breakpoints, &BreakpointsPanel::edited, this, [c](const std::vector<Breakpoint>& list) {
    c->setBreakpoints(list);
    QStringList kept;
    for (const Breakpoint& one : list)
      kept << (one.isEnabled ? QStringLiteral("+") : QStringLiteral("-")) +
                  QString::number(one.skip) + QLatin1Char(' ') +
                  QString::fromStdString(one.condition.text());
    QSettings().setValue(QString::fromLatin1(breakpointsKey), kept);
  });
  connect(c, &Controller::breakpointsChanged, this,
          [this, c] { m_breakpoints->setBreakpoints(c->breakpoints()); });
  connect(c, &Controller::broke, m_breakpoints, &BreakpointsPanel::markHit);
  restoreBreakpoints();

  connect(c, &Controller::lanesChanged, this, [this, c] {
    m_lanes->lanesChanged();
    m_privacy->lanesChanged();
  });
  m_lanes->setLanes(&c->lanes());
  m_privacy->setLaneUses([c] { return c->laneUses(); });
  connect(m_lanes, &LanesPanel::addRequested, c, &Controller::addLanes);
  connect(m_lanes, &LanesPanel::removeRequested, c, &Controller::removeLane);
  connect(m_lanes, &LanesPanel::clearRequested, c, &Controller::clearLanes);
  connect(m_lanes, &LanesPanel::useRequested, c, &Controller::useLane);
  connect(m_compare, &ComparePanel::lanesRequested, this,
          [this, c](const std::vector<LaneSettings>& lanes) {
            c->addLanes(lanes);
            m_docks->show(m_lanes);
          });
}

void MainWindow::restoreBreakpoints() {
  std::vector<Breakpoint> list;
  const QStringList kept = QSettings().value(QString::fromLatin1(breakpointsKey)).toStringList();
  for (const QString& line : kept) {
    try {
      Breakpoint one(BreakCondition(line.section(QLatin1Char(' '), 1).toStdString()));
      one.isEnabled = line.startsWith(QLatin1Char('+'));
      one.skip = std::max(0, line.mid(1).section(QLatin1Char(' '), 0, 0).toInt());
      list.push_back(std::move(one));
    } catch (const SettingError&) {
      // Of another version of the program: not understood, not kept.
    }
  }
  if (!list.empty()) m_controller.setBreakpoints(list);
}

void MainWindow::showLint() {
  const auto found = m_lint->findings();
  const LintSeverity worst = gravest(found);
  const bool isShown = worst >= LintSeverity::Warning;
  m_lintButton->setVisible(isShown);
  if (!isShown) return;
  m_lintButton->setText(lintSign(worst) + QStringLiteral(" ") + LintPanel::count(found));
  m_lintButton->setAccessibleName(tr("Lint: %1").arg(LintPanel::count(found)));
  const QString sheet =
      QStringLiteral("color: %1; font-weight: bold").arg(lintColour(worst).name());
  if (m_lintButton->styleSheet() != sheet) m_lintButton->setStyleSheet(sheet);
}

}  // namespace clipscope
