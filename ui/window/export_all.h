// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <vector>

#include "ui/attachments.h"

namespace clipscope {

class Controller;
class Panel;

/// Writes everything of the current step into a folder: the tables of a run folder, and each
/// panel's picture and data in `plots/`. The step is finished first. One panel is drawn at a time
/// between events, so that the window answers and the export can be cancelled; nothing is written
/// then.
class ExportAll : public QObject {
  Q_OBJECT

 public:
  ExportAll(Controller* controller, std::vector<Panel*> panels, QObject* parent = nullptr);

  void start(const QString& folder);
  void cancel();
  bool isActive() const { return m_active; }

 signals:
  /// `done` of `total` panels are drawn.
  void progressed(int done, int total);
  /// Drawing is over, whether the writing follows or it was cancelled.
  void ended();

 private:
  void advance();
  void end();

  Controller* m_controller;
  std::vector<Panel*> m_panels;
  QString m_folder;
  Attachments m_files;
  std::size_t m_next = 0;
  bool m_active = false;
};

}  // namespace clipscope
