// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAction>
#include <QActionGroup>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QFileDialog>
#include <QFileInfo>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenuBar>
#include <QMessageBox>
#include <QSettings>
#include <algorithm>

#include "engine/interchange/command_line.h"
#include "ui/editors/data_panel.h"
#include "ui/editors/editors.h"
#include "ui/panels/clip_factors_panel.h"
#include "ui/panels/example_panel.h"
#include "ui/panels/noise_panel.h"
#include "ui/panels/norms_panel.h"
#include "ui/panels/panel.h"
#include "ui/panels/privacy_panel.h"
#include "ui/theme.h"
#include "ui/window/experiment_dock.h"
#include "ui/window/export_all.h"
#include "ui/window/help_window.h"
#include "ui/window/main_window.h"
#include "ui/window/message_bar.h"
#include "ui/window/panel_docks.h"
#include "ui/window/phase_rail.h"
#include "ui/window/step_tour.h"

namespace clipscope {

namespace {
constexpr int mostRecent = 8;
}

void MainWindow::buildMenus() {
  setContextMenuPolicy(Qt::NoContextMenu);
  buildFileMenu();
  buildEditMenu();
  buildRunMenu();
  buildViewMenu();
  buildHelpMenu();
}

void MainWindow::buildFileMenu() {
  QMenu* menu = m_menuBar->addMenu(tr("&File"));
  menu->addAction(tr("&New experiment"), QKeySequence::New, this,
                  [this] { m_controller.openExperiment(Experiment{}); });
  menu->addAction(tr("&Open data, experiment or recording…"), QKeySequence::Open, this,
                  &MainWindow::askOpen);
  m_recent = menu->addMenu(tr("Open &recent"));
  fillRecent();
  menu->addAction(tr("S&tart page"), this, [this] { openStartPage(); });
  menu->addSeparator();
  m_saveRecordingAction =
      menu->addAction(tr("Save ru&n as…"), QKeySequence(Qt::CTRL | Qt::ALT | Qt::Key_S), this,
                      &MainWindow::askSaveRecording);
  m_saveAction = menu->addAction(tr("&Save experiment"), QKeySequence::Save, this, [this] {
    if (m_controller.file().empty())
      askSave();
    else
      m_controller.saveTo(QString::fromStdString(m_controller.file().string()));
  });
  menu->addAction(tr("Save experiment &as…"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_S), this,
                  &MainWindow::askSave);
  menu->addSeparator();
  menu->addAction(
      tr("Copy as command &line"), QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_C), this, [this] {
        const QString line = QString::fromStdString(commandLineOf(m_controller.experiment()));
        QApplication::clipboard()->setText(line);
        m_messages->show(tr("Copied: %1").arg(line), false);
      });
  menu->addSeparator();
  QMenu* panels = menu->addMenu(tr("E&xport panel"));
  for (Panel* panel : m_docks->panels()) {
    QMenu* one = panels->addMenu(panel->title());
    // Sizes are in its entries, so they are made when it opens.
    connect(one, &QMenu::aboutToShow, panel, [one, panel] {
      one->clear();
      panel->fillMenu(*one);
    });
  }
  menu->addAction(tr("&Export all…"), QKeySequence(Qt::CTRL | Qt::Key_E), this,
                  &MainWindow::askExport);
  menu->addSeparator();
  menu->addAction(tr("&Quit"), QKeySequence::Quit, this, &QWidget::close);
}

void MainWindow::buildEditMenu() {
  QMenu* menu = m_menuBar->addMenu(tr("&Edit"));
  Controller* c = &m_controller;
  m_undo = menu->addAction(tr("Undo"), QKeySequence::Undo, c, &Controller::undo);
  m_redo = menu->addAction(tr("Redo"), QKeySequence::Redo, c, &Controller::redo);
  menu->addSeparator();
  menu->addAction(tr("&Model…"), this, [this] { m_editors->editModel(); });
  menu->addAction(tr("Clipping &groups…"), this, &MainWindow::editGroups);
  menu->addAction(tr("&Browse data"), this, [this] { m_docks->show(m_data); });
  menu->addSeparator();
  menu->addAction(tr("Select &all examples"), QKeySequence::SelectAll, this,
                  [this] { selectAll(false); });
  menu->addAction(tr("&Invert selection"), QKeySequence(Qt::CTRL | Qt::Key_I), this,
                  [this] { selectAll(true); });
  menu->addAction(tr("&Clear selection"), QKeySequence(Qt::Key_Escape), c->selection(),
                  &Selection::clear);
  showChanges();
}

void MainWindow::showChanges() {
  const ExperimentHistory& changes = m_controller.changes();
  m_undo->setEnabled(changes.canUndo());
  m_undo->setText(changes.canUndo() ? tr("Undo: %1").arg(changes.undoText()) : tr("Undo"));
  m_redo->setEnabled(changes.canRedo());
  m_redo->setText(changes.canRedo() ? tr("Redo: %1").arg(changes.redoText()) : tr("Redo"));
}

void MainWindow::selectAll(bool invert) {
  const auto& record = m_controller.record();
  if (!record || !record->sample) return;
  std::vector<Index> examples;
  for (const Index example : record->sample->examples)
    if (!invert || !m_controller.selection()->contains(example)) examples.push_back(example);
  m_controller.selection()->selectMany(std::move(examples));
}

void MainWindow::buildRunMenu() {
  QMenu* menu = m_menuBar->addMenu(tr("&Run"));
  Controller* c = &m_controller;
  m_runAction = menu->addAction(tr("Run"), QKeySequence(Qt::Key_F5), c, &Controller::runOrPause);
  menu->addAction(tr("Step"), QKeySequence(Qt::Key_N), c, &Controller::step);
  menu->addAction(tr("Next phase"), QKeySequence(Qt::Key_Space), c, &Controller::nextPhase);
  menu->addSeparator();
  m_stepBackAction = menu->addAction(tr("Step back"), QKeySequence(Qt::SHIFT | Qt::Key_N), c,
                                     &Controller::stepBack);
  m_phaseBackAction = menu->addAction(tr("Previous phase"), QKeySequence(Qt::SHIFT | Qt::Key_Space),
                                      c, &Controller::phaseBack);
  m_previousStepAction =
      menu->addAction(tr("Step before, at this phase"), QKeySequence(Qt::ALT | Qt::Key_Left), c,
                      &Controller::previousStep);
  m_nextKnownAction =
      menu->addAction(tr("Known step after, at this phase"), QKeySequence(Qt::ALT | Qt::Key_Right),
                      c, &Controller::nextKnownStep);
  menu->addSeparator();
  menu->addAction(tr("Run to a step, ε or loss…"), QKeySequence(Qt::CTRL | Qt::Key_G), m_rail,
                  &PhaseRail::askRunTo);
  QMenu* to = menu->addMenu(tr("Run to phase"));
  for (const Phase phase : allPhases)
    to->addAction(QString::fromUtf8(phaseName(phase).data()), c, [c, phase] { c->toPhase(phase); });
  menu->addSeparator();
  menu->addAction(tr("Reset"), QKeySequence(Qt::SHIFT | Qt::Key_F5), c, &Controller::reset);
}

void MainWindow::buildViewMenu() {
  QMenu* menu = m_menuBar->addMenu(tr("&View"));
  menu->addAction(m_dock->toggleViewAction());
  m_docks->fillMenu(*menu);
  menu->addSeparator();
  auto* group = new QActionGroup(this);
  const int chosen = QSettings().value(QStringLiteral("theme"), 0).toInt();
  const std::pair<QString, ThemeChoice> themes[] = {{tr("System theme"), ThemeChoice::System},
                                                    {tr("Light theme"), ThemeChoice::Light},
                                                    {tr("Dark theme"), ThemeChoice::Dark}};
  for (const auto& [name, choice] : themes) {
    QAction* action = menu->addAction(name, this, [choice = choice] {
      QSettings().setValue(QStringLiteral("theme"), static_cast<int>(choice));
      applyTheme(*qApp, choice);
    });
    action->setCheckable(true);
    action->setChecked(chosen == static_cast<int>(choice));
    group->addAction(action);
  }
  menu->addSeparator();
  menu->addAction(tr("Full screen"), QKeySequence(Qt::Key_F11), this,
                  [this] { isFullScreen() ? showNormal() : showFullScreen(); });
  menu->addAction(tr("Reset layout"), this, &MainWindow::resetLayout);
}

void MainWindow::buildHelpMenu() {
  QMenu* menu = m_menuBar->addMenu(tr("&Help"));
  menu->addAction(tr("Help"), QKeySequence(Qt::Key_F1), this, &MainWindow::showHelp);
  menu->addAction(tr("Keys"), QKeySequence(Qt::CTRL | Qt::Key_Slash), this, [this] {
    m_messages->show(
        tr("Space next phase · N step · Shift+Space previous phase · Shift+N step back · Alt+← "
           "Alt+→ through known steps · Ctrl+G run to… · F5 run or pause · Shift+F5 reset · "
           "Ctrl+O open · Ctrl+S save · Ctrl+Alt+S save the run · Ctrl+E export all · Ctrl+Z undo "
           "a setting · Ctrl+A select "
           "all · Esc clears the selection · Home fits a plot · "
           "wheel zooms, drag pans, Shift+drag zooms to a rectangle, Ctrl+drag selects"),
        false);
  });
  menu->addAction(tr("About Clipscope"), this, [this] {
    m_messages->show(tr("Clipscope %1, a debugger for DP-SGD. GPL-3.0-or-later.")
                         .arg(QStringLiteral(CLIPSCOPE_VERSION)),
                     false);
  });
}

void MainWindow::showHelp() {
  if (!m_help) m_help = new HelpWindow(this);
  QList<std::pair<QString, QString>> keys;
  for (const QAction* action : findChildren<QAction*>())
    if (!action->shortcut().isEmpty())
      keys.emplace_back(action->text().remove(QLatin1Char('&')),
                        action->shortcut().toString(QKeySequence::NativeText));
  std::vector<TourPage> pages;
  const auto& record = m_controller.record();
  if (record && record->sample) {
    constexpr int width = 560;
    pages = stepTour(*record);
    const auto picture = [&](Phase phase, const QImage& image) {
      if (!image.isNull() && record->has(phase))
        pages[static_cast<std::size_t>(phase)].pictures.push_back(image);
    };
    const auto panel = [&](Phase phase, Panel* of) {
      if (!record->has(phase)) return;
      of->prepareForPicture();
      const QImage drawn = of->image(devicePixelRatioF());
      picture(phase, drawn.width() > width * devicePixelRatioF()
                         ? drawn.scaledToWidth(static_cast<int>(width * devicePixelRatioF()),
                                               Qt::SmoothTransformation)
                         : drawn);
    };
    if (const auto& data = m_controller.session()->data)
      picture(Phase::Sample, batchPicture(*record, *data, width));
    picture(Phase::Forward, lossPicture(*record, width));
    if (record->batchSize() > 0) {
      panel(Phase::Norms, m_norms);
      panel(Phase::Clip, m_clipFactors);
      const Index current = m_controller.selection()->current();
      // One that this step did not draw has no gradient to show.
      if (current < 0 || std::ranges::binary_search(record->sample->examples, current))
        panel(Phase::Backward, m_example);
    }
    panel(Phase::Noise, m_noise);
    panel(Phase::Account, m_privacy);
  }
  m_help->tell(pages, record ? record->step : 0, keys);
  m_help->show();
  m_help->raise();
}

void MainWindow::askOpen() {
  const QString path = QFileDialog::getOpenFileName(
      this, tr("Open data, an experiment or a recording"), QString(),
      tr("Data, experiments and recordings (*.clipscope *.json *.csv *.gz *ubyte *.idx*);;"
         "Recordings (*.clipscope);;All files (*)"));
  if (path.isEmpty()) return;
  m_controller.openPath(path);
  rememberRecent(path);
}

void MainWindow::askSave() {
  const QString path = QFileDialog::getSaveFileName(
      this, tr("Save experiment"), QStringLiteral("experiment.json"), tr("Experiment (*.json)"));
  if (path.isEmpty()) return;
  m_controller.saveTo(path);
  rememberRecent(path);
}

void MainWindow::askExport() {
  const QString folder =
      QFileDialog::getExistingDirectory(this, tr("Export this step: choose an empty folder"));
  if (!folder.isEmpty()) m_exporter->start(folder);
}

void MainWindow::rememberRecent(const QString& path) {
  QSettings settings;
  QStringList recent = settings.value(QStringLiteral("recent")).toStringList();
  const QString absolute = QFileInfo(path).absoluteFilePath();
  recent.removeAll(absolute);
  recent.prepend(absolute);
  while (recent.size() > mostRecent) recent.removeLast();
  settings.setValue(QStringLiteral("recent"), recent);
  fillRecent();
}

void MainWindow::fillRecent() {
  m_recent->clear();
  const QStringList recent = QSettings().value(QStringLiteral("recent")).toStringList();
  for (const QString& path : recent)
    m_recent->addAction(path, this, [this, path] {
      m_controller.openPath(path);
      rememberRecent(path);
    });
  m_recent->setEnabled(!recent.isEmpty());
}

bool MainWindow::transportKeyYields() const {
  const QWidget* focus = QApplication::focusWidget();
  return qobject_cast<const QLineEdit*>(focus) || qobject_cast<const QAbstractButton*>(focus) ||
         qobject_cast<const QAbstractItemView*>(focus) || qobject_cast<const QComboBox*>(focus);
}

bool MainWindow::eventFilter(QObject* watched, QEvent* event) {
  // Space and N are typing in a field, a press on a button, a search in a table: there the shortcut
  // stands back. Accepting the override hands the key to the widget.
  if (event->type() == QEvent::ShortcutOverride) {
    const auto* key = static_cast<QKeyEvent*>(event);
    const bool transport = (key->key() == Qt::Key_Space || key->key() == Qt::Key_N) &&
                           !(key->modifiers() & Qt::ControlModifier);
    if (transport && transportKeyYields() && watched == QApplication::focusWidget()) {
      event->accept();
      return true;
    }
  }
  return QMainWindow::eventFilter(watched, event);
}

}  // namespace clipscope
