// SPDX-License-Identifier: GPL-3.0-or-later
#include "ui/window/export_all.h"

#include <QTimer>

#include "ui/panels/panel.h"
#include "ui/panels/panel_export.h"
#include "ui/window/controller.h"

namespace clipscope {

ExportAll::ExportAll(Controller* controller, std::vector<Panel*> panels, QObject* parent)
    : QObject(parent), m_controller(controller), m_panels(std::move(panels)) {
  connect(controller, &Controller::stateChanged, this, &ExportAll::advance);
}

void ExportAll::start(const QString& folder) {
  if (m_active || !m_controller->record()) return;
  m_folder = folder;
  m_files.clear();
  m_next = 0;
  m_active = true;
  emit progressed(0, static_cast<int>(m_panels.size()));
  if (m_controller->isRunning()) m_controller->pause();
  // What is half done belongs to no step; stateChanged() comes when the rest is.
  if (!m_controller->record()->has(Phase::Account)) m_controller->step();
  advance();
}

void ExportAll::cancel() {
  if (m_active) end();
}

void ExportAll::end() {
  m_active = false;
  m_files.clear();
  emit ended();
}

void ExportAll::advance() {
  if (!m_active || m_controller->isBusy()) return;
  if (!m_controller->record()->has(Phase::Account)) return end();  // the step failed, and said so
  if (m_next < m_panels.size()) {
    appendPlots(m_files, *m_panels[m_next++]);
    emit progressed(static_cast<int>(m_next), static_cast<int>(m_panels.size()));
    QTimer::singleShot(0, this, &ExportAll::advance);
    return;
  }
  const Attachments files = std::move(m_files);
  end();
  m_controller->exportRun(m_folder, files);
}

}  // namespace clipscope
