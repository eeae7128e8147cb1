// SPDX-License-Identifier: GPL-3.0-or-later
// What the window shows of recordings and branches: title, status, start page, questions.
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QSettings>
#include <QStyle>

#include "ui/panels/branches_panel.h"
#include "ui/panels/history_panel.h"
#include "ui/plots/number_format.h"
#include "ui/window/main_window.h"
#include "ui/window/message_bar.h"
#include "ui/window/start_page.h"

namespace clipscope {

void MainWindow::connectRecording() {
  Controller* c = &m_controller;
  connect(c, &Controller::branchesChanged, this, [this, c] {
    m_branches->setBranches(c->branches(), c->position().branch);
    m_history->setBranches(c->branches(), c->position().branch);
  });
  connect(c, &Controller::historyChanged, this, [this, c] {
    const RunHistory& history = c->history();
    m_branches->setNewest(history.steps() > 0 ? &history.at(history.steps()) : nullptr);
  });
  connect(c, &Controller::recordingChanged, this, &MainWindow::showRecording);
  connect(c, &Controller::sessionChanged, this, [this, c] {
    m_branches->setReadOnly(c->isReadOnly());
    if (c->isReadOnly())
      m_messages->show(tr("Opened to look at only: %1").arg(c->session()->readOnlyBecause), false);
  });
  connect(m_branches, &BranchesPanel::chosen, c, qOverload<int>(&Controller::goToBranch));
  connect(m_branches, &BranchesPanel::renamed, c, &Controller::renameBranch);
  connect(m_branches, &BranchesPanel::pruneRequested, this,
          [this, c](int branch, const QString& name) {
            m_messages->ask(tr("Prune “%1”? Its steps, and the branches that left it, are deleted "
                               "from the run and its recording.")
                                .arg(name),
                            tr("Prune"), [c, branch] { c->pruneBranch(branch); }, {});
          });
  connect(c, &Controller::recordingFailed, this, [this, c](const QString& text) {
    m_messages->ask(
        tr("%1. The run has stopped; make room and run on, or choose another place.").arg(text),
        tr("Save run as…"), [this] { askSaveRecording(); }, {});
    m_messages->offerInstead(tr("Go on without recording"), [c] { c->giveUpRecording(); });
  });
}

void MainWindow::showRecording() {
  const RecordingState& recording = m_controller.recording();
  QString text, tip;
  bool failed = false;
  if (m_controller.isReadOnly()) {
    text = recording.isBeingWritten ? tr("read-only, following") : tr("read-only");
    tip = m_controller.session()->readOnlyBecause;
  } else if (recording.path.empty()) {
    text = m_recoveryFolder.isEmpty() ? QString() : tr("not recorded");
    failed = !text.isEmpty();
  } else if (recording.hasFailed) {
    text = tr("not saved after step %1").arg(grouped(recording.savedStep));
    failed = true;
  } else {
    text = recording.savedStep > 0 ? tr("saved through step %1").arg(grouped(recording.savedStep))
                                   : tr("recording");
    tip = tr("Every step is written to %1%2")
              .arg(QString::fromStdString(recording.path.string()),
                   recording.isNamed ? QString()
                                     : tr(" until the run gets a name: File, Save run as…"));
  }
  m_saved->setText(text);
  m_saved->setToolTip(tip);
  if (m_saved->property("failed").toBool() != failed) {
    m_saved->setProperty("failed", failed);
    style()->unpolish(m_saved);
    style()->polish(m_saved);
  }
  showTitle();
}

void MainWindow::showTitle() {
  const RecordingState& recording = m_controller.recording();
  const auto& file = m_controller.file();
  QString name = tr("Untitled run");
  if (recording.isNamed && !recording.path.empty())
    name = QString::fromStdString(recording.path.filename().string());
  else if (!file.empty())
    name = QString::fromStdString(file.filename().string());
  if (m_controller.isReadOnly())
    name += tr(" (read-only)");
  else if (recording.hasFailed)
    name += tr(" (not saved)");
  const auto& session = m_controller.session();
  if (session && session->data)
    name += tr(" — %1").arg(QString::fromStdString(session->data->name()));
  const QString title = tr("%1 — Clipscope").arg(name);
  if (title != windowTitle()) setWindowTitle(title);
}

void MainWindow::askSaveRecording() {
  const QString path = QFileDialog::getSaveFileName(
      this, tr("Save run: a recording of every step"), QStringLiteral("run.clipscope"),
      tr("Recording (*.clipscope)"), nullptr, QFileDialog::DontConfirmOverwrite);
  if (path.isEmpty()) return;
  m_controller.saveRecordingAs(path);
  rememberRecent(path);
}

void MainWindow::keepRunsIn(const QString& recoveryFolder) {
  m_recoveryFolder = recoveryFolder;
  m_controller.setRecoveryFolder(recoveryFolder);
  thinRecoveredRuns(recoveryFolder);
}

void MainWindow::buildStartPage() {
  m_startPage = new StartPage(this);
  connect(m_startPage, &StartPage::pathChosen, this, [this](const QString& path) {
    m_controller.openPath(path);
    if (QFileInfo(path).absolutePath() != QFileInfo(m_recoveryFolder).absoluteFilePath())
      rememberRecent(path);
  });
  connect(m_startPage, &StartPage::openRequested, this, &MainWindow::askOpen);
  connect(m_startPage, &StartPage::defaultRequested, this, [this] {
    // It is open already where nothing else was.
    if (!(m_controller.experiment() == Experiment{}) || m_controller.position().knownSteps > 1)
      m_controller.openExperiment(Experiment{});
  });
  connect(m_startPage, &StartPage::removeRequested, this, [](const QString& path) {
    for (const char* suffix : {"", "-wal", "-shm", "-lock"})
      QFile::remove(path + QLatin1String(suffix));
  });
}

StartPage* MainWindow::startPage() {
  if (!m_startPage) buildStartPage();
  return m_startPage;
}

void MainWindow::openStartPage(bool onlyIfUseful) {
  if (onlyIfUseful && !StartPage::isWanted()) return;
  const auto runs =
      m_recoveryFolder.isEmpty() ? std::vector<RecoveredRun>{} : recoveredRuns(m_recoveryFolder);
  const QStringList recent = QSettings().value(QStringLiteral("recent")).toStringList();
  if (onlyIfUseful && runs.empty() && recent.isEmpty()) return;
  startPage()->open(runs, recent);
}

}  // namespace clipscope
